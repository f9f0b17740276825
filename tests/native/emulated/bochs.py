"""Runs a static x86-64 Linux program on a processor that this machine need not have, in the Bochs emulator.

The program becomes part of an initial file system that a stock Linux kernel boots from a CD image; what it prints comes
back over the serial port. Usage: bochs.py [--cpu MODEL] PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MISSING = 77  # exit status where something is not installed

FOLDER = Path(__file__).parent
PROGRAMS = ("bochs", "xorrisofs", "cpio", "gcc")
ISOLINUX = Path("/usr/lib/ISOLINUX/isolinux.bin")
LDLINUX = Path("/usr/lib/syslinux/modules/bios/ldlinux.c32")
BIOS = Path("/usr/share/bochs/BIOS-bochs-latest")
VGA_BIOS = Path("/usr/share/bochs/VGABIOS-lgpl-latest")

# Debian's linux-image-cloud-amd64 has the serial port built in and boots fastest.
KERNEL_VARIABLE = "BOCHS_LINUX_KERNEL"

# Bochs 2.7 reports a size of the compacted XSAVE area that Linux rejects, and all of AVX with it.
KERNEL_OPTIONS = "console=ttyS0 loglevel=0 mitigations=off nosmp audit=0 tsc=reliable clearcpuid=xsaves,xsavec"

# Few instructions a second of the emulated clock: what the kernel waits for, it then waits for briefly.
CONFIGURATION = """\
cpu: model={cpu}, ips=10000000, reset_on_triple_fault=0
memory: guest=256, host=256
romimage: file={bios}
vgaromimage: file={vga_bios}
ata0-master: type=cdrom, path={image}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
clock: sync=none
display_library: term
log: {log}
"""


def kernel() -> Path | None:
    """The kernel named by BOCHS_LINUX_KERNEL, else the last of /boot that can be read."""
    named = os.environ.get(KERNEL_VARIABLE)
    found = [Path(named)] if named else sorted(Path("/boot").glob("vmlinuz-*"))
    return next((path for path in reversed(found) if os.access(path, os.R_OK)), None)


def missing() -> list[str]:
    """What has to be installed before `run` can work."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    lacking += [str(path) for path in (ISOLINUX, LDLINUX, BIOS, VGA_BIOS) if not path.exists()]
    return lacking + ([] if kernel() else [f"a Linux kernel in /boot or ${KERNEL_VARIABLE}"])


def make_image(program: Path, arguments: list[str], folder: Path) -> Path:
    """A CD image in `folder` that boots into the program."""
    root, disc, image = folder / "root", folder / "disc", folder / "boot.iso"
    root.mkdir()
    disc.mkdir()
    subprocess.run(["gcc", "-O1", "-static", FOLDER / "init.c", "-o", root / "init"], check=True)
    shutil.copy(program, root / "program")
    with (disc / "initrd").open("wb") as initrd:
        names = b"init\nprogram\n"
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=initrd, check=True)
    for source, name in ((kernel(), "vmlinuz"), (ISOLINUX, ISOLINUX.name), (LDLINUX, LDLINUX.name)):
        assert source is not None
        shutil.copy(source, disc / name)
    options = f"initrd=initrd {KERNEL_OPTIONS} -- {' '.join(arguments)}"
    (disc / "isolinux.cfg").write_text(f"default linux\nlabel linux\n kernel vmlinuz\n append {options}\n")
    boot = ["-b", ISOLINUX.name, "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
    subprocess.run(["xorrisofs", "-quiet", "-o", image, *boot, disc], check=True, stderr=subprocess.DEVNULL)
    return image


def run(program: Path, arguments: list[str], cpu: str, timeout: float) -> tuple[int, str]:
    """The exit status of the program (128 and the signal, if one ended it) and what it printed.

    RuntimeError where the machine did not get as far; subprocess.TimeoutExpired after `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        serial, log = folder / "serial", folder / "log"
        configuration = CONFIGURATION.format(
            cpu=cpu,
            bios=BIOS,
            vga_bios=VGA_BIOS,
            image=make_image(program, arguments, folder),
            serial=serial,
            log=log,
        )
        (folder / "bochsrc").write_text(configuration)
        # A build with the debugger (Debian's) stops before the first instruction, until it is told to continue.
        subprocess.run(
            ["bochs", "-q", "-f", folder / "bochsrc"],
            env={**os.environ, "TERM": "dumb"},
            input=b"c\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,  # to turn the machine off counts as a failure
        )
        text = serial.read_text(errors="replace").replace("\r", "") if serial.exists() else ""
        output, mark, rest = text.rpartition("\nexit status ")
        if not mark:
            raise RuntimeError(f"the emulated machine did not run the program:\n{text}{log.read_text()[-2000:]}")
        return int(rest.split()[0]), output.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", default="corei7_skylake_x", help="one of `bochs --help cpu`")
    parser.add_argument("--timeout", type=float, default=600, help="seconds")
    parser.add_argument("program", type=Path, help="statically linked")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if lacking := missing():
        print("not installed: " + ", ".join(lacking), file=sys.stderr)
        return MISSING
    status, output = run(options.program, options.arguments, options.cpu, options.timeout)
    print(output)
    return status


if __name__ == "__main__":
    sys.exit(main())
