# Runs a command for which some system calls fail, as on another kernel or without resources:
# perl deny.pl RULE … -- COMMAND …
# RULE is CALL=ERRNO, or CALL:ARGUMENT:VALUE=ERRNO for calls with this value of an argument (counted from 0).
use strict;
use warnings;
use POSIX ();

# By machine (unistd.h). This program itself needs prctl.
my %numbers = (
    x86_64  => { prctl => 157, inotify_init1 => 294, inotify_add_watch => 254, fcntl => 72, socket => 41,  accept4 => 288, pidfd_open => 434 },
    aarch64 => { prctl => 167, inotify_init1 => 26,  inotify_add_watch => 27,  fcntl => 25, socket => 198, accept4 => 242, pidfd_open => 434 },
);
my $machine = (POSIX::uname())[4];
my $calls = $numbers{$machine} // die "$machine: no system call numbers known\n";

# Classic BPF over struct seccomp_data (seccomp(2)): the number at 0, the arguments' low words at 16, 24, …
my ($load, $equal, $return) = (0x20, 0x15, 0x06);
my ($errno, $allow) = (0x0005_0000, 0x7fff_0000);
sub instruction { pack 'SCCL', @_ }

my $program = '';
while (defined(my $rule = shift @ARGV)) {
    last if $rule eq '--';
    my ($call, $argument, $value, $name) = $rule =~ /^(\w+)(?::(\d):(\d+))?=(\w+)$/ or die "$rule: no rule\n";
    $program .= instruction($load, 0, 0, 0);
    $program .= instruction($equal, 0, defined $argument ? 3 : 1, $calls->{$call});
    if (defined $argument) {
        $program .= instruction($load, 0, 0, 16 + 8 * $argument);
        $program .= instruction($equal, 0, 1, $value);
    }
    $program .= instruction($return, 0, 0, $errno | POSIX->can($name)->());
}
$program .= instruction($return, 0, 0, $allow);

# PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP with SECCOMP_MODE_FILTER and a struct sock_fprog.
syscall($calls->{prctl}, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!\n";
syscall($calls->{prctl}, 22, 2, pack('S x6 P', length($program) / 8, $program)) == 0 or die "seccomp: $!\n";
exec @ARGV or die "$ARGV[0]: $!\n";
