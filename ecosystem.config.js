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
];
