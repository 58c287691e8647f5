/** One flag of a command, as the command line and its documentation show it. */
export interface Flag {
  /** As commander takes it, e.g. `--port <port>`. */
  flags: string
  doc: string
  default?: string
  /** All values; absent: any text. */
  values?: readonly string[]
}
