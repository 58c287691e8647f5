/** The names of an install, as in deploy/base. */
export const INSTALL_NAMESPACE = 'hotreload-system'
/** Of the Service, the MutatingWebhookConfiguration, and the webhook's Deployment and ServiceAccount. */
export const INSTALL_NAME = 'hotreload'
/** Of the controller's Deployment and ServiceAccount. */
export const CONTROLLER_NAME = 'hotreload-controller'
