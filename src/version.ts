/** What this build is called. */
import manifest from '../package.json' with { type: 'json' }

export const VERSION: string = manifest.version

/** The agent of the same version; `--agent-image` names another place, or a digest. */
export const AGENT_IMAGE = `ghcr.io/hotreload/hotreload-agent:${VERSION}`
