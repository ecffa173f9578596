/**
 * Expectations, from options. The tool has the tuple of the master in `-s`, `-d` and the ports beside
 * them, and that of the expected flow in `--tuple-*`; it looks for an expectation by `-s` and `-d`.
 */
import type { ExpectationKey, ExpectationSpec, Tuple } from 'conntrack';
import type { Given } from './parse.js';
import { originalIn, present, protocolIn, read } from './tuples.js';
import { addressIn, number16, number32 } from './values.js';

export function expectationIn(given: Given): ExpectationSpec {
  const tuple = present({
    source: read(given, 'tupleSource', addressIn),
    destination: read(given, 'tupleDestination', addressIn),
    sourcePort: read(given, 'tupleSourcePort', number16),
    destinationPort: read(given, 'tupleDestinationPort', number16),
  }) as Tuple;
  const mask = present({
    source: read(given, 'maskSource', addressIn),
    sourcePort: read(given, 'maskSourcePort', number16),
  });
  return present({
    protocol: protocolIn(given),
    tuple,
    mask: mask as ExpectationSpec['mask'],
    master: originalIn(given) as Tuple,
    timeout: read(given, 'timeout', number32),
  });
}

export function expectationKeyIn(given: Given): ExpectationKey {
  return { protocol: protocolIn(given), tuple: originalIn(given) as Tuple };
}
