/**
 * Expectations, from options. The tool has the tuple of the master in `-s`, `-d` and the ports beside
 * them, and that of the expected flow in `--tuple-*`; it looks for an expectation by `-s` and `-d`.
 */
import type { ExpectationFilter, ExpectationKey, ExpectationSpec, Tuple } from '../../index.js';
import { type Given, lastValue } from '../line/parse.js';
import { originalIn, present, protocolIn, read } from './tuples.js';
import {
  addressIn,
  familyIn,
  networkIn,
  number16,
  number32,
  portIn,
  protocolNumbers,
  rangeIn,
} from './values.js';

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
    helper: lastValue(given, 'helper'),
  });
}

export function expectationKeyIn(given: Given): ExpectationKey {
  return present({
    protocol: protocolIn(given),
    tuple: originalIn(given) as Tuple,
    zone: read(given, 'zone', number16),
    id: read(given, 'id', number32),
  });
}

/** Whether the options name one expectation, and say nothing else. */
export function isKey(given: Given): boolean {
  const { protocol, source, destination, address, port, helper, timeout, family } = given;
  const others = [address, port, helper, timeout, family];
  const named = [protocol, source, destination];
  return !named.includes(undefined) && others.every((one) => one === undefined);
}

export function expectationFilterIn(given: Given): ExpectationFilter {
  const network = (name: 'source' | 'destination' | 'address') =>
    read(given, name, (text, what) => networkIn(text, undefined, what));
  const tuple = present({
    source: network('source'),
    destination: network('destination'),
    sourcePort: read(given, 'sourcePort', portIn),
    destinationPort: read(given, 'destinationPort', portIn),
  });
  return present({
    family: read(given, 'family', familyIn),
    protocol: given.protocol && protocolNumbers(given.protocol),
    tuple: Object.keys(tuple).length === 0 ? undefined : tuple,
    address: network('address'),
    port: read(given, 'port', portIn),
    helper: lastValue(given, 'helper'),
    id: read(given, 'id', number32),
    timeout: read(given, 'timeout', rangeIn),
  });
}
