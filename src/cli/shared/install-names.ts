/** The names of an install, as in deploy/base. */
export const INSTALL_NAMESPACE = 'hotreload-system'
/** Of the Service, the Deployment, the ServiceAccount and the MutatingWebhookConfiguration. */
export const INSTALL_NAME = 'hotreload'
