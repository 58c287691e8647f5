//! Parses /proc/PID/mountinfo (proc_pid_mountinfo(5)): the container of a process, and the mount points.

use alloc::{string::String, vec::Vec};

/// One run of a container: the kubelet creates a new termination-log file, and so a new id, at each restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// The UID of the Pod.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// Eight hex digits.
    pub id: String,
}

/// The first instance in a mountinfo text. A line belongs to an instance if its root (4th field) ends in
/// `<pod uid>/containers/<name>/<8 hex>`: the kubelet's terminationMessagePath file, mounted anywhere.
pub fn instance(mountinfo: &str) -> Option<Instance> {
    instances(mountinfo).next()
}

/// The instance of Pod `pod` in a mountinfo text.
pub fn instance_in_pod(mountinfo: &str, pod: &str) -> Option<Instance> {
    instances(mountinfo).find(|instance| instance.pod == pod)
}

fn instances(mountinfo: &str) -> impl Iterator<Item = Instance> {
    mountinfo.lines().filter_map(|line| {
        let mut parts = line.split(' ').nth(3)?.rsplit('/');
        let (id, container, marker, pod) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let valid = marker == "containers" && is_id(id) && !container.is_empty() && !pod.is_empty();
        valid.then(|| Instance { pod: pod.into(), container: container.into(), id: id.into() })
    })
}

fn is_id(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Every mount point, unescaped: the kernel writes space, tab, newline and backslash as three octal digits.
pub fn mount_points(mountinfo: &[u8]) -> Vec<Vec<u8>> {
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescape)
        .collect()
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if *first == b'\\' => {
                text.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                text.push(*first);
                rest = after;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From an nginx container under containerd 1.6, kubelet 1.36; the last field groups shortened.
    const REAL: &str = "\
612 611 0:61 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
640 611 254:1 /var/lib/kubelet/pods/6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35/volumes/kubernetes.io~configmap/conf /etc/nginx ro,relatime - ext4 /dev/vda1 rw
641 611 254:1 /var/lib/kubelet/pods/6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
642 611 254:1 /var/lib/kubelet/pods/6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35/containers/web/1d6c7fa0 /dev/termination-log rw,relatime - ext4 /dev/vda1 rw
643 611 0:45 / /a\\040b\\134c rw - tmpfs shm rw";

    /// Escapes a path as seq_path(9) does.
    fn escape(path: &str) -> String {
        path.replace('\\', "\\134").replace(' ', "\\040")
    }

    #[test]
    fn the_instance_in_a_real_table_is_found() {
        let found = instance(REAL).unwrap();
        assert_eq!((found.pod.as_str(), found.container.as_str()), ("6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35", "web"));
        assert_eq!(found.id, "1d6c7fa0");
        assert_eq!(instance_in_pod(REAL, "6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35"), Some(found));
        assert_eq!(instance_in_pod(REAL, "another"), None);
    }

    #[test]
    fn the_kubelets_directory_may_be_anywhere() {
        // A file system of its own; the directories of k0s, MicroK8s and Rancher; a Btrfs subvolume.
        for root in [
            "/pods/u1/containers/web/00ff00ff",
            "/var/lib/k0s/kubelet/pods/u1/containers/web/00ff00ff",
            "/var/snap/microk8s/common/var/lib/kubelet/pods/u1/containers/web/00ff00ff",
            "/opt/rke/var/lib/kubelet/pods/u1/containers/web/00ff00ff",
            "/@/var/lib/kubelet/pods/u1/containers/web/00ff00ff",
        ] {
            let line = alloc::format!("1 2 8:1 {root} /dev/termination-log rw shared:1 - xfs /dev/sdb rw");
            let found = instance(&line).unwrap();
            assert_eq!((found.pod.as_str(), found.container.as_str()), ("u1", "web"), "{root}");
        }
    }

    #[test]
    fn similar_paths_do_not_count() {
        for root in [
            "/pods/u/containers/web/1D6C7FA0",
            "/pods/u/containers/web/1d6c7fa",
            "/containers/web",
            "/u/volumes/web/1d6c7fa0",
            "/",
            "",
        ] {
            assert_eq!(instance(&alloc::format!("1 2 8:1 {root} /m rw - ext4 d rw")), None, "{root}");
        }
        // gVisor shows no host paths.
        assert_eq!(instance("22 21 0:20 / / rw - 9p none rw,trans=fd\n23 22 0:21 / /dev rw - tmpfs none rw"), None);
    }

    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(mount_points(REAL.as_bytes()).last().unwrap(), b"/a b\\c");
        assert_eq!(mount_points(REAL.as_bytes()).len(), 5);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in any::<String>()) {
            let _ = instance(&text);
            let _ = mount_points(text.as_bytes());
        }

        #[test]
        fn lines_like_the_kernels_are_parsed(root in "(/[a-z0-9 ]{0,8}){0,3}/(containers|etc)/[a-z-]{0,6}/[0-9a-fA-F]{7,9}", point in "/[ -~]{0,12}") {
            let text = alloc::format!("642 611 254:1 {root} {} rw - ext4 /dev/vda1 rw\n", escape(&point));
            if let Some(found) = instance(&text) {
                let tail = alloc::format!("{}/containers/{}/{}", found.pod, found.container, found.id);
                prop_assert!(root.ends_with(&tail));
            }
            if !root.contains(' ') {
                prop_assert_eq!(mount_points(text.as_bytes()), [point.as_bytes()]);
            }
        }
    }
}
