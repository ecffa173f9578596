/** Folders of src/ in which every mutant that survives is in the list below. */
export const HELD = ['filter'];

const AT_ZERO = 'the layout puts the field at 0';
const NARROWS = 'the condition is for the compiler: another one has excluded the case';

/** The mutants that no test can notice: the first line, what it changes, into what, and why. */
export const SURVIVORS = [
  {
    file: 'src/filter/check-filter.ts',
    line: "if (typeof value !== 'object' || value === null) return false;",
    from: "typeof value !== 'object'",
    to: 'false',
    because: 'no text or number has the fields of an entry',
  },
  {
    file: 'src/filter/compile.ts',
    line: 'const present = view.getUint32(at + FILTER.present, LITTLE_ENDIAN) | FILTER_PRESENT.family;',
    from: 'at + FILTER.present',
    to: 'at - FILTER.present',
    because: AT_ZERO,
  },
  {
    file: 'src/filter/compile.ts',
    line: 'view.setUint32(at + FILTER.present, present, LITTLE_ENDIAN);',
    from: 'at + FILTER.present',
    to: 'at - FILTER.present',
    because: AT_ZERO,
  },
  {
    file: 'src/filter/compile.ts',
    line: 'if (values.length === 1 && only !== undefined) {',
    from: 'only !== undefined',
    to: 'true',
    because: NARROWS,
  },
  {
    file: 'src/filter/compile.ts',
    line: 'if (number >= 0) this.addBits(at, 2 ** number);',
    from: 'number >= 0',
    to: 'true',
    because: '2 ** -1 is no bit',
  },
  {
    file: 'src/filter/compile.ts',
    line: 'writeAddress(this.view, this.at + field + ADDRESS_RANGE.address, address);',
    from: 'this.at + field + ADDRESS_RANGE.address',
    to: 'this.at + field - ADDRESS_RANGE.address',
    because: AT_ZERO,
  },
  {
    file: 'src/filter/compile.ts',
    line: 'this.set64(field + COUNTER_RANGE.packetsFrom, packets?.from ?? 0n);',
    from: 'field + COUNTER_RANGE.packetsFrom',
    to: 'field - COUNTER_RANGE.packetsFrom',
    because: AT_ZERO,
  },
  {
    file: 'src/filter/compile.ts',
    line: 'if (source !== undefined && this.range(source, field + TUPLE_FILTER.source)) {',
    from: 'field + TUPLE_FILTER.source',
    to: 'field - TUPLE_FILTER.source',
    because: AT_ZERO,
  },
  {
    file: 'src/filter/network.ts',
    line: "if (typeof value !== 'string' || family === undefined || parts.length > 2) {",
    from: "typeof value !== 'string'",
    to: 'false',
    because: NARROWS,
  },
  {
    file: 'src/filter/network.ts',
    line: 'if (slash < 0) return { address: text, family, prefix: bitsOf(family) };',
    from: 'slash < 0',
    to: 'slash <= 0',
    because: 'a checked text does not begin with a slash',
  },
  {
    file: 'src/filter/network.ts',
    line: 'if (prefix === bitsOf(family)) return undefined;',
    from: 'prefix === bitsOf(family)',
    to: 'false',
    because: 'only saves time: nothing is beyond the last bit',
  },
  {
    file: 'src/filter/plan.ts',
    line: 'const lookup = isFamily || records === undefined ? NO_LOOKUP : loadAddon().filterLookup(records);',
    from: 'records === undefined',
    to: 'false',
    because: 'without records isFamily is true',
  },
  {
    file: 'src/filter/plan.ts',
    line: 'if (ask === undefined) return [];',
    from: 'ask === undefined',
    to: 'false',
    because: 'without filters there are no conditions',
  },
  {
    file: 'src/filter/plan.ts',
    line: 'if (asked === undefined || (askedFields & ASKED_FIELDS[asked]) === 0 || support === undefined) {',
    from: 'asked === undefined',
    to: 'false',
    because: 'without a name there is no bit, as the next condition finds',
  },
  {
    file: 'src/filter/plan.ts',
    line: 'if (asked === undefined || (askedFields & ASKED_FIELDS[asked]) === 0 || support === undefined) {',
    from: 'support === undefined',
    to: 'false',
    because: 'support is undefined when no bit is set, as the condition before it finds',
  },
  {
    file: 'src/filter/plan.ts',
    line: "typeof protocol === 'number' || protocol?.length === 1",
    from: 'protocol?.length',
    to: 'protocol.length',
    because: NARROWS,
  },
  {
    file: 'src/filter/plan.ts',
    line: 'zone === 0',
    from: 'zone === 0',
    to: 'true',
    because: 'of any other zone this reason is not used: the request has the zone',
  },
  {
    file: 'src/filter/network.ts',
    line: 'const mapped = prefix < MAPPED_PREFIX ? undefined : mappedIPv4(address);',
    from: 'prefix < MAPPED_PREFIX',
    to: 'false',
    because: 'a mapped address has bits beyond a shorter prefix, and is refused before',
  },
  {
    file: 'src/filter/network.ts',
    line: "const parts = typeof value === 'string' ? value.split('/') : [];",
    from: '[]',
    to: '["Stryker was here"]',
    because: 'no address either',
  },
];
