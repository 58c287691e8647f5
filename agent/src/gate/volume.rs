//! One gated volume: what is mounted, published, refused and approved.

use alloc::{string::String, vec::Vec};

/// Waits before a refused content is judged again; the last one repeats.
pub(super) const RETRY_MS: [u64; 6] = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/// A content that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal<C> {
    /// The content.
    pub content: C,
    /// How often it was refused. One that follows another within ten seconds has no news, and does not count.
    pub count: u32,
    /// The first time.
    pub since: u64,
    /// The last time.
    pub last: u64,
    /// The next time that it is judged.
    pub(super) next: u64,
}

/// Why the program does not count as healthy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unhealthy {
    /// Since when, milliseconds since 1970.
    pub since: u64,
    /// What was seen.
    pub reason: String,
}

/// A content that the program could not live with. It is not published again, unless the user approves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reverted<C> {
    /// The content.
    pub content: C,
    /// Why.
    pub why: Unhealthy,
}

/// One gated volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume<C> {
    /// What the kubelet has mounted, at the last look; None: it could not be read.
    pub seen: Option<C>,
    /// What the program sees; None: nothing yet.
    pub published: Option<C>,
    /// Whether the published content was refused, and published because there was nothing else.
    pub is_unproved: bool,
    /// The content that was refused last, unless it passed since then or is gone.
    pub refusal: Option<Refusal<C>>,
    /// What has passed its trial last: a copy of it is kept.
    pub good: Option<C>,
    /// What has not, the last one last.
    pub reverted: Vec<Reverted<C>>,
    /// The last content that the program got, and that the user has approved: it stays, whatever its trial shows.
    pub released: Option<C>,
    /// What the user has approved.
    pub(super) approved: Vec<C>,
}

impl<C: Clone + PartialEq> Volume<C> {
    /// What is published at the start, and whether it is unproved.
    pub fn new(published: Option<C>, is_unproved: bool) -> Volume<C> {
        Volume {
            seen: None,
            published,
            is_unproved,
            refusal: None,
            good: None,
            reverted: Vec::new(),
            released: None,
            approved: Vec::new(),
        }
    }

    /// Whether a mounted content is to be judged: it is another one than the published one, or that one is unproved.
    pub(super) fn is_wanted(&self, seen: &Option<C>) -> bool {
        let Some(content) = seen else { return false };
        (*seen != self.published || self.is_unproved) && !(self.published.is_some() && self.is_barred(content))
    }

    /// Whether a content was reverted, and the user has not approved it since.
    pub(super) fn is_barred(&self, content: &C) -> bool {
        self.reverted.iter().any(|reverted| reverted.content == *content)
    }

    /// Whether what is published has passed, and is not known to be good.
    pub fn is_on_trial(&self) -> bool {
        self.published.is_some() && !self.is_unproved && self.published != self.good
    }

    /// Remembers that the user has approved what the program has.
    pub(super) fn release(&mut self) {
        if self.published.as_ref().is_some_and(|published| self.approved.contains(published)) {
            self.released.clone_from(&self.published);
        }
    }

    /// Whether the program has what the user has approved.
    pub(super) fn is_released(&self) -> bool {
        self.published.is_some() && self.published == self.released
    }

    /// The mounted content, if it was reverted and the program does not see it.
    pub fn barred(&self) -> Option<&Reverted<C>> {
        let seen = self.seen.as_ref().filter(|seen| self.seen != self.published && self.is_barred(seen))?;
        self.reverted.iter().find(|reverted| reverted.content == *seen)
    }

    pub(super) fn is_approved(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| self.approved.contains(seen))
    }

    /// The refused content, if the program does not see it.
    pub fn held(&self) -> Option<&Refusal<C>> {
        self.refusal.as_ref().filter(|refusal| Some(&refusal.content) != self.published.as_ref())
    }

    pub(super) fn refused(&mut self, now: u64) {
        let Some(content) = self.seen.clone() else { return };
        let before = self.refusal.take();
        let is_other = before.as_ref().is_none_or(|refusal| now >= refusal.last + RETRY_MS[0]);
        let count = before.as_ref().map_or(0, |refusal| refusal.count) + u32::from(is_other);
        let wait = RETRY_MS[(count as usize - 1).min(RETRY_MS.len() - 1)];
        let since = before.map_or(now, |refusal| refusal.since);
        self.refusal = Some(Refusal { content, count, since, last: now, next: now + wait });
    }
}
