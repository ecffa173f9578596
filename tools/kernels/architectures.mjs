// What a machine of each architecture is made of. Names as Debian has them.

// Features of a processor cost time in emulation: `max` of arm64 signs each return address.
export const ARCHITECTURES = {
  amd64: {
    triplet: 'x86_64-linux-gnu',
    npm: 'linux-x64',
    qemu: { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    machine: ['-cpu', 'max'],
    // The console is the first serial port.
    results: (path) => ['-serial', `file:${path}`],
    console: 'ttyS0',
    resultsPort: 'ttyS1',
    cross: { program: 'x86_64-linux-gnu-g++', package: 'g++-x86-64-linux-gnu' },
  },
  arm64: {
    triplet: 'aarch64-linux-gnu',
    npm: 'linux-arm64',
    qemu: { program: 'qemu-system-aarch64', package: 'qemu-system-arm' },
    machine: ['-machine', 'virt', '-cpu', 'cortex-a76'],
    // The machine has one serial port of its own.
    results: (path) => [
      ...['-chardev', `file,id=results,path=${path}`],
      ...['-device', 'pci-serial,chardev=results'],
    ],
    console: 'ttyAMA0',
    resultsPort: 'ttyS0',
    cross: { program: 'aarch64-linux-gnu-g++', package: 'g++-aarch64-linux-gnu' },
  },
};

const NAMES = { x64: 'amd64', arm64: 'arm64' };

/** That of this machine. */
export const OWN = NAMES[process.arch];

/** What the network, or the archive behind it, does not give. */
export class Unavailable extends Error {}
