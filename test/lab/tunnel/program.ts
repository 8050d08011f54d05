import { connect, createServer } from 'node:net';
import { splice } from './splice.ts';

// The inner end of a tunnel: takes connections on a Unix socket, whose path is its first argument, to a port of this
// namespace's loopback, its second. It ends when its standard input does.

const [path = '', port = ''] = process.argv.slice(2);

createServer({ allowHalfOpen: true }, (outside) => {
  splice(outside, connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true }));
}).listen(path, () => console.log('listening'));

process.stdin.resume().on('close', () => process.exit(0));
