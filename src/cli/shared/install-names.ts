/** What an install is called, as in deploy/base. */
export const INSTALL_NAMESPACE = 'hotreload-system'
/** The Service, the Deployment, the ServiceAccount, and the MutatingWebhookConfiguration that points to them. */
export const INSTALL_NAME = 'hotreload'
