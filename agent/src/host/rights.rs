//! The rights that the agent gives up.

use super::{files, log};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set, set_capabilities,
};

/// Gives up every capability but KILL for the rest of the process's life. Without privilege escalation
/// (no_new_privs) no later exec brings one back.
pub fn keep_kill_only() {
    // The kernel takes none from the bounding set without SETPCAP, so that this comes first.
    CapabilitySet::all().difference(CapabilitySet::KILL).iter().for_each(|one| {
        let _ = remove_capability_from_bounding_set(one);
    });
    let given_up = capabilities(None).and_then(|had| {
        let kept = CapabilitySets {
            effective: had.effective & CapabilitySet::KILL,
            permitted: had.permitted & CapabilitySet::KILL,
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, kept)
    });
    if let Err(error) = given_up {
        log::error("capabilities not given up").string("error", &files::describe(error)).write();
    }
}
