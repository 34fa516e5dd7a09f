-- Accounts for the hub on MySQL or MariaDB, so that nobody with the hub's own password can rewrite the delivery log.
-- Database and accounts are called hub, hub_app, hub_signer here: replace them and the passwords. As the owner of the database:
--
--   HUB_DATABASE_URL=mysql://owner:…@host/hub hub migrate          # first, and after every update
--   mysql -u root hub -N < docs/mysql-grants.sql | mysql -u root   # again after an update that brought tables
--
-- hub_app is for hub serve, hub run and the commands; hub_signer for hub signer. hub migrate, hub restore, hub log prune, hub signer
-- rotate and hub signer restart-log need the owner's account.

CREATE USER IF NOT EXISTS 'hub_app'@'%' IDENTIFIED BY 'change-this-1';
CREATE USER IF NOT EXISTS 'hub_signer'@'%' IDENTIFIED BY 'change-this-2';

GRANT SELECT ON `hub`.* TO 'hub_app'@'%';
-- Placed entries, tiles, salts, checkpoints and anchors are only ever added to; the head moves on; what waits goes to its place.
GRANT INSERT ON `hub`.`log_entries` TO 'hub_app'@'%';
GRANT INSERT ON `hub`.`log_tiles` TO 'hub_app'@'%';
GRANT INSERT ON `hub`.`log_payloads` TO 'hub_app'@'%';
GRANT INSERT ON `hub`.`checkpoints` TO 'hub_app'@'%';
GRANT INSERT ON `hub`.`anchors` TO 'hub_app'@'%';
GRANT UPDATE ON `hub`.`log_head` TO 'hub_app'@'%';
GRANT INSERT, DELETE ON `hub`.`log_pending` TO 'hub_app'@'%';

GRANT SELECT ON `hub`.`log_head` TO 'hub_signer'@'%';
GRANT SELECT ON `hub`.`log_entries` TO 'hub_signer'@'%';
GRANT SELECT ON `hub`.`log_tiles` TO 'hub_signer'@'%';
GRANT SELECT ON `hub`.`log_payloads` TO 'hub_signer'@'%';
GRANT SELECT ON `hub`.`migrations` TO 'hub_signer'@'%';
GRANT SELECT ON `hub`.`migrations_lock` TO 'hub_signer'@'%';
GRANT SELECT, INSERT ON `hub`.`checkpoints` TO 'hub_signer'@'%';
GRANT SELECT, INSERT ON `hub`.`log_pending` TO 'hub_signer'@'%';
GRANT SELECT, INSERT, UPDATE ON `hub`.`log_signer` TO 'hub_signer'@'%';

-- Prints the grants for all other tables; the second mysql of the line above carries them out.
SELECT CONCAT('GRANT INSERT, UPDATE, DELETE ON `hub`.`', table_name, '` TO ''hub_app''@''%'';')
FROM information_schema.tables
WHERE table_schema = 'hub' AND table_name NOT IN ('log_head', 'log_entries', 'log_tiles', 'log_payloads', 'log_pending',
  'log_signer', 'checkpoints', 'anchors', 'migrations', 'migrations_lock');
