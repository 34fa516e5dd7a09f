// pm2 start ecosystem.config.js · pm2 reload zhengxin-hub · pm2 save && pm2 startup
// pm2 reads an ESM package's configuration only in this form.
export const apps = [
  {
    name: 'zhengxin-hub',
    script: './src/hub.js',
    args: 'serve',
    cwd: import.meta.dirname,
    interpreter: './node_modules/.bin/node',
    // One process: the scheduler's truth is the database, so a second one would add nothing.
    exec_mode: 'fork',
    instances: 1,
    // `hub serve` ends its runs within 25 s of SIGINT; only then pm2 may kill.
    kill_timeout: 30_000,
    max_memory_restart: '700M',
    // A set-up fault exits 78: starting again would not mend it.
    stop_exit_codes: [78],
    exp_backoff_restart_delay: 200,
    min_uptime: 10_000,
    // The run log rotates by itself (data/trace/trace-YYYY-MM-DD.log, 20 MB a file, 180 days). These two only catch what
    // is said before it opens and the stack of a crash: a few lines a year, so no pm2-logrotate is needed.
    out_file: './data/pm2-out.log',
    error_file: './data/pm2-error.log',
    merge_logs: true,
    time: true,
  },
  {
    // Signs the log's checkpoints; `hub signer init` makes its key first. Better: under an operating-system user of its own, who
    // alone can read HUB_SIGNER_KEY, with HUB_DATABASE_URL and HUB_DATA_DIR of its own in that user's pm2.
    name: 'zhengxin-signer',
    script: './src/hub.js',
    args: 'signer',
    cwd: import.meta.dirname,
    interpreter: './node_modules/.bin/node',
    exec_mode: 'fork',
    instances: 1,
    kill_timeout: 10_000,
    max_memory_restart: '400M',
    // Without a key it ends with 78 and stays down; pushes stop after four hours without a signature.
    stop_exit_codes: [78],
    exp_backoff_restart_delay: 200,
    min_uptime: 10_000,
    out_file: './data/pm2-signer-out.log',
    error_file: './data/pm2-signer-error.log',
    merge_logs: true,
    time: true,
  },
];
