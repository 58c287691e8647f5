/** The prefix of hotreload's annotations. */

export const PREFIX = 'hotreload.dev/'

export const isOurs = (key: string): boolean => key.startsWith(PREFIX)
