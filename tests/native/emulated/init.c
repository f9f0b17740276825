// The first process of the emulated machine: runs /program with the arguments that it was given itself, prints how that
// ended as the last line and turns the machine off.
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int main(int argc, char** argv) {
    (void)argc;
    int status = 0;
    if (fork() == 0) {
        execv("/program", argv);
        _exit(127);
    }
    wait(&status);
    printf("\nexit status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    return reboot(RB_POWER_OFF);
}
