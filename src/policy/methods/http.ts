/** `reload: http`: the agent calls a URL of the program. */
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import { type ReloadUrl, withoutQueries } from '../values/url.ts'
import type { MethodRow } from './method-row.ts'

export interface HttpReload extends ReloadUrl {
  method: 'http'
}

const text = ({ httpMethod, url }: HttpReload): string => `${httpMethod} ${url}`
const shown = (reload: HttpReload): string => withoutQueries(text(reload))

export const http: MethodRow<HttpReload> = {
  annotation: 'url',
  choose({ container, settings: { url }, preset }) {
    if (url) return { reload: { method: 'http', ...url }, chosenBy: `${PREFIX}url` }
    if (preset) return { reload: preset.reload, chosenBy: `preset ${preset.name}` }
    const problem = `${PREFIX}reload: http, but container ${container.name} has no URL`
    return new UserError('HR_NO_URL', problem, `set ${PREFIX}url to http://127.0.0.1:PORT/PATH`)
  },
  obstacle: ({ name }, { hostNetwork }) =>
    hostNetwork
      ? `container ${name}: hostNetwork is true, so http://127.0.0.1 is the node; changes roll out`
      : undefined,
  agent: 'beside',
  sharesProcesses: false,
  needsKill: false,
  runsInAppImage: false,
  changesContainer: false,
  endsProcess: false,
  flags: (reload) => ['--reload=http', `--url=${text(reload)}`],
  describe: shown,
  label: (reload) => `\`${shown(reload)}\``,
  status: (reload) => ({ url: text(reload) }),
  doc: {
    happens: 'the agent calls `hotreload.dev/url` and expects 200 to 299',
    needs: "a URL on the Pod's loopback; no `hostNetwork`",
    risks: 'a redirect or 4xx is final until the next change; everything else is tried again',
    takeWhen: 'the program has an endpoint for it. No shared processes, so also where those are not wanted',
  },
}
