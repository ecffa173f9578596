import { readFileSync } from 'node:fs';
import {
  DCCP_ROLES,
  DCCP_STATES,
  OTHER_PROTOCOL_NUMBERS,
  PROTOCOL_NUMBERS,
  SCTP_STATES,
  STATUS_FLAGS,
  TCP_STATES,
} from 'conntrack';
import { describe, expect, it } from 'vitest';
import { nameOf, protocolName, statusBit } from '../../src/core/names.js';

// The numbers of the kernel's headers, written down once more and by hand: a word
// in the wrong place is a wrong answer that nothing else would notice.
describe('tables', () => {
  it('number the TCP states as enum tcp_conntrack', () => {
    expect(TCP_STATES).toEqual([
      'NONE',
      'SYN_SENT',
      'SYN_RECV',
      'ESTABLISHED',
      'FIN_WAIT',
      'CLOSE_WAIT',
      'LAST_ACK',
      'TIME_WAIT',
      'CLOSE',
      'SYN_SENT2',
    ]);
  });

  it('number the SCTP states as enum sctp_conntrack', () => {
    expect(SCTP_STATES).toEqual([
      'NONE',
      'CLOSED',
      'COOKIE_WAIT',
      'COOKIE_ECHOED',
      'ESTABLISHED',
      'SHUTDOWN_SENT',
      'SHUTDOWN_RECD',
      'SHUTDOWN_ACK_SENT',
      'HEARTBEAT_SENT',
      'HEARTBEAT_ACKED',
    ]);
  });

  it('number the DCCP states and roles as enum ct_dccp_states and ct_dccp_roles', () => {
    expect(DCCP_STATES).toEqual([
      'NONE',
      'REQUEST',
      'RESPOND',
      'PARTOPEN',
      'OPEN',
      'CLOSEREQ',
      'CLOSING',
      'TIMEWAIT',
      'IGNORE',
      'INVALID',
    ]);
    expect(DCCP_ROLES).toEqual(['client', 'server']);
  });

  it('number the other protocols as /etc/protocols does', () => {
    const words = new Map<string, number>();
    for (const line of readFileSync('/etc/protocols', 'utf8').split('\n')) {
      const [word = '', number] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (word !== '') words.set(word, Number(number));
    }
    const ours = { ...PROTOCOL_NUMBERS, ...OTHER_PROTOCOL_NUMBERS };
    const others = Object.entries(ours).filter(([word, number]) => words.get(word) !== number);
    expect(others).toEqual([
      ['icmpv6', 58], // ipv6-icmp
      ['ipip', 4],
      ['raw', 255],
    ]);
    // The first name of 0 is that of a protocol which is none; the last number is above 255.
    const missing = [...words.keys()].filter((word) => !(word in ours));
    expect(missing).toEqual(['ip', 'mptcp'].filter((word) => missing.includes(word)));
  });

  it('number the protocols as IANA does', () => {
    expect(PROTOCOL_NUMBERS).toEqual({
      icmp: 1,
      tcp: 6,
      udp: 17,
      dccp: 33,
      gre: 47,
      icmpv6: 58,
      sctp: 132,
      udplite: 136,
    });
  });

  it('give each status flag its IPS_* bit', () => {
    expect(Object.fromEntries(STATUS_FLAGS.map((flag) => [flag, statusBit(flag)]))).toEqual({
      expected: 0x1,
      seenReply: 0x2,
      assured: 0x4,
      confirmed: 0x8,
      sourceNat: 0x10,
      destinationNat: 0x20,
      sequenceAdjust: 0x40,
      sourceNatDone: 0x80,
      destinationNatDone: 0x100,
      dying: 0x200,
      fixedTimeout: 0x400,
      template: 0x800,
      natClash: 0x1000,
      helper: 0x2000,
      offload: 0x4000,
      hardwareOffload: 0x8000,
    });
  });
});

describe('protocolName', () => {
  it('gives the word of every number that has one, and other for the rest', () => {
    const named = new Map(Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name]));
    for (let number = 0; number < 256; number++) {
      expect(protocolName(number)).toBe(named.get(number as 6) ?? 'other');
    }
  });

  it('does not fall out of its table', () => {
    expect(protocolName(256)).toBe('other');
    expect(protocolName(-1)).toBe('other');
  });
});

describe('nameOf', () => {
  it('gives the word of a number, UNKNOWN(n) for one without', () => {
    expect(nameOf(TCP_STATES, 3)).toBe('ESTABLISHED');
    expect(nameOf(TCP_STATES, 10)).toBe('UNKNOWN(10)');
    expect(nameOf(DCCP_ROLES, 255)).toBe('UNKNOWN(255)');
  });
});
