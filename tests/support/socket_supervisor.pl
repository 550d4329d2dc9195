# Keeps a listening socket open and a server running on it, as systemd does for socket activation:
#
#   perl socket_supervisor.pl BINARY serve --data DIR ...
#
# SIGHUP: the server is told to end (SIGTERM), and started again when it has. SIGTERM: it is told to
# end, and so do we, with its exit code. A server that ends otherwise ends us. Perl, because every
# Debian has it.
use strict;
use warnings;
use Fcntl;
use IO::Socket::INET;
use POSIX ();

my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 4096)
  or die "socket: $!";
my ($child, $again, $ending) = (0, 0, 0);

sub start {
  $child = fork() // die "fork: $!";
  return if $child;
  $SIG{HUP} = $SIG{TERM} = 'DEFAULT';
  POSIX::dup2(fileno($socket), 3) // die "dup2: $!" if fileno($socket) != 3;
  open(my $three, '<&=', 3) or die "fd 3: $!";
  fcntl($three, F_SETFD, 0) or die "fcntl: $!";
  $ENV{LISTEN_PID} = $$;
  $ENV{LISTEN_FDS} = 1;
  exec(@ARGV) or die "exec: $!";
}

$SIG{HUP} = sub { $again = 1; kill 'TERM', $child };
$SIG{TERM} = sub { $ending = 1; kill 'TERM', $child };
start();
while (1) {
  my $ended = waitpid($child, 0);
  next if $ended != $child;    # a signal came
  my $code = $? >> 8;
  exit($code || ($? ? 1 : 0)) if $ending || !$again || $?;
  $again = 0;
  start();
}
