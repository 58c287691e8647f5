//! Every problem that the agent reports: a stable code for machines, and a sentence for people (first the object, then
//! what happened, then the remedy).

use alloc::{format, string::String};

macro_rules! codes {
    ($($name:ident $text:literal $doc:literal,)*) => {
        /// A stable code; docs/errors.md explains each.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// Every code, for the documentation's test.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code in logs, metrics and /status.
            pub fn text(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    BadOption "HR_BAD_OPTION" "An option is unknown or its value can't be read.",
    BadSignal "HR_BAD_SIGNAL" "Not a signal.",
    UrlNotLocal "HR_URL_NOT_LOCAL" "The URL is not http on the Pod's own loopback.",
    VolumeUnreadable "HR_VOLUME_UNREADABLE" "A watched volume can't be read.",
    VolumeTooLarge "HR_VOLUME_TOO_LARGE" "A watched volume has more files or directories than the agent reads.",
    VolumeRemoved "HR_VOLUME_REMOVED" "The kubelet removed a volume of the running Pod.",
    LinkOutside "HR_LINK_OUTSIDE" "A symlink in a watched volume leads out of it, and is not followed.",
    NoProcess "HR_NO_PROCESS" "No process of the container is visible (yet).",
    ProcessAmbiguous "HR_PROCESS_AMBIGUOUS" "More than one process could be meant.",
    ProcessNeeded "HR_PROCESS_NEEDED" "The runtime does not show the containers of processes, so a process name is needed.",
    ArgumentMissing "HR_ARGUMENT_MISSING" "The program runs in a mode that does not reload.",
    SignalRefused "HR_SIGNAL_REFUSED" "The process does not handle the signal and would end.",
    SignalIgnored "HR_SIGNAL_IGNORED" "The process ignores the signal.",
    SignalNotPermitted "HR_SIGNAL_NOT_PERMITTED" "The kernel does not let the agent signal this process.",
    SignalFailed "HR_SIGNAL_FAILED" "The signal could not be sent.",
    Killed "HR_KILLED" "The process ended within 2 s of the signal; without a trial it is never sent again in this Pod.",
    Unconfirmed "HR_UNCONFIRMED" "The program does not show that it took the change.",
    HttpRefused "HR_HTTP_REFUSED" "The program answered with a redirect or a client error.",
    HttpFailed "HR_HTTP_FAILED" "The program could not be reached or answered with a server error.",
    KeyRemoved "HR_KEY_REMOVED" "The key of a rewritten subPath file is gone.",
    KeyAbsent "HR_KEY_ABSENT" "The key of a rewritten subPath file is absent from an optional volume.",
    NeedsNewPod "HR_NEEDS_NEW_POD" "The key of a rewritten subPath file was absent when the Pod started; only a new Pod gets the file.",
    LinkLost "HR_LINK_LOST" "A rewritten subPath file was not a symlink any more; the agent put it back.",
    InstallFailed "HR_INSTALL_FAILED" "The agent's program could not be installed for the app's image, so the app does not start.",
    LinkFailed "HR_LINK_FAILED" "What stands in for the app's subPath mounts could not be prepared, so the app does not start.",
    CopyFailed "HR_COPY_FAILED" "A rewritten subPath file could not be refreshed.",
    ValidationFailed "HR_VALIDATION_FAILED" "The new configuration did not pass validation; nothing was reloaded.",
    GateFull "HR_GATE_FULL" "The gate has no room for the new configuration; what is published stays whole.",
    Reverted "HR_REVERTED" "The program was not healthy with content that had passed, and has the last good one again.",
    ExecFailed "HR_EXEC_FAILED" "The reload command failed.",
    ProbeNotRecorded "HR_PROBE_NOT_RECORDED" "The change could not be recorded for the liveness probe.",
    Restarting "HR_RESTARTING" "The agent ended the container, which has not started again yet.",
    ListenFailed "HR_LISTEN_FAILED" "Another process uses the status port.",
}

/// A problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The code.
    pub code: Code,
    /// The sentence, without the code.
    pub message: String,
}

impl Problem {
    /// A problem with its sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into() }
    }

    /// The sentence without its remedy.
    pub fn cause(&self) -> &str {
        self.message.rsplit_once(';').map_or(&self.message, |(cause, _)| cause)
    }

    /// `sentence [CODE]`.
    pub fn sentence(&self) -> String {
        format!("{} [{}]", self.message, self.code.text())
    }
}
