// A program under a name of its own that says when each SIGHUP arrived (CLOCK_MONOTONIC, nanoseconds).
process.title = process.argv[2] ?? 'bench-target'
process.on('SIGHUP', () => {
  process.send?.(String(process.hrtime.bigint()))
})
setInterval(() => undefined, 1 << 30)
process.send?.('ready')
