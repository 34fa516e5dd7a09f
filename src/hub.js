#!/usr/bin/env node
// Plain old JavaScript: even a Node that cannot read the rest must be able to read this and say what to do.
import { spawn } from 'child_process';
import { existsSync } from 'fs';
import module from 'module';
import { Socket } from 'net';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';

var home = dirname(dirname(fileURLToPath(import.meta.url)));
/** Set for the command behind a launcher, and taken away at once: programs that it starts have no such pipe. */
var LAUNCHED = 'ZHENGXIN_LAUNCHED';

if (readsTypeScript()) runHere();
else runOn(lockedRuntime());

function readsTypeScript() {
  var version = process.versions.node.split('.').map(Number);
  var recent = version[0] > 22 || (version[0] === 22 && version[1] >= 20);
  return recent && Boolean(process.features.typescript);
}

/** The Node of the lock file: `npm ci` brings it as an optional package of this platform. */
function lockedRuntime() {
  var platform = process.platform === 'win32' ? 'win' : process.platform;
  var name = process.platform === 'win32' ? 'node.exe' : 'node';
  return [
    join(home, 'node_modules', 'node-' + platform + '-' + process.arch, 'bin', name),
    join(home, 'node_modules', '.bin', name),
  ].find(existsSync);
}

function runHere() {
  endWithLauncher();
  // Each thread of the pool keeps memory of its own; three are enough to compress and to look up names at the same time.
  process.env.UV_THREADPOOL_SIZE = process.env.UV_THREADPOOL_SIZE || '3';
  // What was read as TypeScript once is kept ready, for threads too: a start takes half the time, and the whole 40 MB less. Not in the
  // common temporary folder, where others could plant code.
  process.env.NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE || join(home, 'node_modules', '.cache', 'hub');
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  import('./cli/main.ts')
    .then(function (cli) {
      return cli.main(process.argv.slice(2));
    })
    .then(function (code) {
      process.exitCode = code;
      // The line to pm2 would keep a finished process alive.
      if (process.connected) process.disconnect();
    })
    .catch(function (error) {
      var missing = error && error.code === 'ERR_MODULE_NOT_FOUND' && !existsSync(join(home, 'node_modules'));
      if (missing) refuse();
      else console.error(error);
      process.exitCode = missing ? 78 : 1;
    });
}

/**
 * A launcher that is killed outright (kill -9) can pass nothing on, but the pipe that it holds closes: the command ends as it did,
 * and the next run finds a dead holder of the lease instead of one that goes on unseen.
 */
function endWithLauncher() {
  if (process.env[LAUNCHED] === undefined) return;
  delete process.env[LAUNCHED];
  var line = new Socket({ fd: 3 });
  line.on('error', function () {});
  line.on('close', function () {
    process.kill(process.pid, 'SIGKILL');
  });
  line.resume();
  line.unref();
}

function runOn(runtime) {
  if (runtime === undefined) {
    refuse();
    process.exitCode = 78;
    return;
  }
  var env = Object.assign({}, process.env);
  env[LAUNCHED] = String(process.pid);
  var child = spawn(runtime, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: env,
  });
  var signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  signals.forEach(function (signal) {
    process.on(signal, function () {
      // A terminal has already sent Ctrl-C to the whole group: a second one would mean "do not wait".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on('error', function () {
    refuse();
    process.exitCode = 78;
  });
  child.on('exit', function (code, signal) {
    if (signal === null) return process.exit(code);
    signals.forEach(function (name) {
      process.removeAllListeners(name);
    });
    process.kill(process.pid, signal);
  });
}

function refuse() {
  console.error(
    '需要 Node.js 22.20 以上（现为 ' +
      process.version +
      '）：请在 ' +
      home +
      ' 运行 npm ci，它会带来所需版本。' +
      ' (Node.js 22.20 or newer is needed, this is ' +
      process.version +
      ': run "npm ci" there, it brings one.)',
  );
}
