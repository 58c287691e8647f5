/** The manager of the controller's fields in `metadata.managedFields`, which `kubectl get --show-managed-fields` prints. */
export const FIELD_MANAGER = 'hotreload-controller'
