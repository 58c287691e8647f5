# A program that catches SIGHUP, over and over: forks processes on demand, ends them, and starts their successors under
# the same process id. A fork has its parent's handler from birth, so a successor could be signalled at once.
# Usage: victims.pl LOG. Each SIGHUP that one of them gets is a line in LOG: the number of its birth.
use strict;
use warnings;
use POSIX ();

my ($path) = @ARGV;
my $birth = 0;
open my $log, '>>', $path or die "$path: $!";
# Eight bytes, so that no line goes over the end of a page: one that is killed between two pages would leave half a line.
$SIG{HUP} = sub { syswrite $log, sprintf "%7d\n", $birth };
$0 = 'victim';
$| = 1;

# Starts one, which runs `then`, then waits.
sub start {
    my ($then) = @_;
    $birth++;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $then->();
        sleep 1000 while 1;
    }
    print "$pid $birth\n";
}

sub pause { select undef, undef, undef, $_[0] / 1e6 }

while (my $line = <STDIN>) {
    my ($order, @words) = split ' ', $line;
    if ($order eq 'start') {
        start(sub { });
    } elsif ($order eq 'replace') {    # PID MICROSECONDS
        my ($pid, $wait) = @words;
        pause($wait);
        kill KILL => $pid;
        waitpid $pid, 0;
        open my $last, '>', '/proc/sys/kernel/ns_last_pid' or die "ns_last_pid: $!";
        syswrite $last, $pid - 1;
        start(sub { });
    } elsif ($order eq 'become') {    # PROGRAM MICROSECONDS: handles the signal, and soon is another program
        my ($program, $wait) = @words;
        start(sub { pause($wait); exec {$program} 'sleep', 1000 });
    }
}
