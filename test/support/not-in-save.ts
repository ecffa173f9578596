/**
 * What a line of `-o save` lacks of what a create can set, as docs/writing.md names it, too. The
 * kernel tests see that it is so; on some kernels docs/ is not there.
 */
export const NOT_IN_SAVE = [
  ...['mark', 'helper', 'labels', 'reply.icmp', 'tcp.original', 'tcp.reply'],
  ...['dccp.handshakeSequence', 'sequenceAdjust', 'synproxy', 'master'],
] as const;
