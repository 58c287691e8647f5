//! What the gate asks its caller for, and what the caller answers.

/// The start of a Pod whose content is refused, with nothing published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateMode {
    /// The content is published all the same, as without a gate.
    Publish,
    /// The Pod waits; its container ends once, so that the reason is in the Pod's status.
    Strict,
}

/// Some of the volumes: a bit for each index. A gate has 64 volumes at most.
pub type Set = u64;

/// The indices of a set.
pub fn indices(set: Set) -> impl DoubleEndedIterator<Item = usize> {
    (0..64).filter(move |index| set >> index & 1 == 1)
}

/// The next action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing before the next event or deadline.
    Nothing,
    /// Identify the mounted content of all volumes, then call `seen`.
    Read,
    /// Make the mounted content the candidate, then call `staged`.
    Stage(Set),
    /// Run the validator, then call `judged`.
    Validate,
    /// Publish the candidate, then call `published`.
    Publish {
        /// Which.
        volumes: Set,
        /// Whether it passed or is approved.
        is_proved: bool,
    },
    /// Make the published content the candidate again, then call `restored`.
    Restore(Set),
    /// Ask whether the program is healthy, then call `answered`.
    Ask,
    /// Keep a copy of what is published: it is good. Then call `kept`.
    Keep(Set),
    /// Publish the copies that were kept, then call `reverted`.
    Revert(Set),
}

/// What became of a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Staged {
    /// It is the content that was seen.
    Same,
    /// The mounted content is another one by now.
    Moved,
    /// It could not be written.
    Failed,
}

/// The validator's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It was refused.
    Refused,
    /// The validator could not run, for a reason that may go away.
    Unknown,
}
