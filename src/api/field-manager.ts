/** Under which name our fields stand in `metadata.managedFields`: `kubectl get --show-managed-fields` says who wrote what. */
export const FIELD_MANAGER = 'hotreload-controller'
