# Tries what a hostile build would try, in small, and writes down each limit that held. It runs in place of a build, with
# exactly a build's flags. A name that is missing in the end is a limit that this engine does not enforce.
held() { echo "$1" >> /mnt/builds/held; }
status() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status; }

( : > /kiisrv-self-test ) 2>/dev/null || held read_only_root
( : > /mnt/config/self-test ) 2>/dev/null || held read_only_inputs
[ "$(id -u):$(id -g)" = "@user@" ] && held user
[ "$(status CapEff)$(status CapBnd)" = 00000000000000000000000000000000 ] && held capabilities
[ "$(status NoNewPrivs)" = 1 ] && held new_privileges
[ "$(status Seccomp)" = 2 ] && held system_calls
( echo 1 > /proc/sys/kernel/core_uses_pid ) 2>/dev/null || held kernel_settings
# A kernel may put tunnels into every network; without a route they lead nowhere.
[ "$(cat /proc/net/route 2>/dev/null | wc -l)" -le 1 ] && held network

cp /bin/cat /tmp/program
/tmp/program /dev/null 2>/dev/null || held no_execution
dd if=/dev/zero of=/tmp/full bs=1048576 count=@scratch_over@ 2>/dev/null || held scratch
rm -f /tmp/full /tmp/program
( i=0; while [ $i -le @inodes@ ]; do : > /tmp/$i || exit 1; i=$((i + 1)); done ) 2>/dev/null || held scratch_files
find /tmp -mindepth 1 -delete
# One byte behind the last that may be written: the file stays empty.
dd if=/dev/zero of=/mnt/builds/large bs=1 count=1 seek=@file_bytes@ 2>/dev/null || held file_size
rm -f /mnt/builds/large
quota=$(cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null)
case ${quota%% *} in '' | max | -1) ;; *) held processors ;; esac
# One long line, which tail keeps in memory.
head -c @memory_over@ /dev/zero | tail -n 1 > /dev/null 2>&1 || held memory
# The last one, as there is no process left afterwards.
( i=0; while [ $i -le @pids@ ]; do sleep 5 & i=$((i + 1)); done ) 2>/dev/null || held processes
exit 0
