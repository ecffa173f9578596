// Mutants that no test need notice, by the reason. tools/mutate-native.mjs fails on a change that
// fits no mutant, or more than one.
//
// `line`: the text around the change, in one line; `becomes`: the same after it. `above`: the line
// before, where that is not enough.

export const explained = [
  {
    reason: 'RequestWriter sets NLM_F_REQUEST in any case, which is 1.',
    file: 'native/wire/encode.cc',
    changes: [
      {
        line: 'RequestWriter out(zero_counters ? MESSAGE_GET_CTRZERO : MESSAGE_GET, 0, tuple.family);',
        becomes:
          'RequestWriter out(zero_counters ? MESSAGE_GET_CTRZERO : MESSAGE_GET, 1, tuple.family);',
      },
      {
        line: 'RequestWriter out(MESSAGE_NEW, 0, entry.original.family);',
        becomes: 'RequestWriter out(MESSAGE_NEW, 1, entry.original.family);',
      },
      {
        line: 'return RequestWriter(MESSAGE_DELETE, 0, family, 1);',
        becomes: 'return RequestWriter(MESSAGE_DELETE, 1, family, 1);',
      },
    ],
  },
  {
    reason: 'RequestWriter sets NLM_F_REQUEST in any case, which is 1.',
    file: 'native/wire/encode_expectation.cc',
    changes: [
      {
        line: 'RequestWriter out(MESSAGE_EXPECTATION_GET, 0, record.tuple.family);',
        becomes: 'RequestWriter out(MESSAGE_EXPECTATION_GET, 1, record.tuple.family);',
      },
      {
        line: 'RequestWriter out(MESSAGE_EXPECTATION_NEW, 0, record.tuple.family);',
        becomes: 'RequestWriter out(MESSAGE_EXPECTATION_NEW, 1, record.tuple.family);',
      },
      {
        line: 'RequestWriter out(MESSAGE_EXPECTATION_DELETE, 0, record.tuple.family);',
        becomes: 'RequestWriter out(MESSAGE_EXPECTATION_DELETE, 1, record.tuple.family);',
      },
      {
        line: 'return RequestWriter(MESSAGE_EXPECTATION_DELETE, 0, FAMILY_UNSPECIFIED);',
        becomes: 'return RequestWriter(MESSAGE_EXPECTATION_DELETE, 1, FAMILY_UNSPECIFIED);',
      },
      {
        line: 'RequestWriter out(MESSAGE_EXPECTATION_DELETE, 0, FAMILY_UNSPECIFIED);',
        becomes: 'RequestWriter out(MESSAGE_EXPECTATION_DELETE, 1, FAMILY_UNSPECIFIED);',
      },
    ],
  },
  {
    reason: 'RequestWriter sets NLM_F_REQUEST in any case, which is 1.',
    file: 'native/wire/encode_timeout.cc',
    changes: [
      {
        line: 'RequestWriter out(type, 0, FAMILY_UNSPECIFIED);',
        becomes: 'RequestWriter out(type, 1, FAMILY_UNSPECIFIED);',
      },
      {
        line: 'RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_GET, 0, FAMILY_UNSPECIFIED);',
        becomes: 'RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_GET, 1, FAMILY_UNSPECIFIED);',
      },
      {
        line: 'RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_SET, 0, FAMILY_UNSPECIFIED);',
        becomes: 'RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_SET, 1, FAMILY_UNSPECIFIED);',
      },
    ],
  },
  {
    reason: 'RequestWriter sets NLM_F_REQUEST in any case, which is 1.',
    file: 'native/wire/namespace_id.cc',
    changes: [
      {
        line: 'RequestWriter out(MESSAGE_NAMESPACE_ID_GET, 0, FAMILY_UNSPECIFIED);',
        becomes: 'RequestWriter out(MESSAGE_NAMESPACE_ID_GET, 1, FAMILY_UNSPECIFIED);',
      },
    ],
  },
  {
    reason: 'RequestWriter sets NLM_F_REQUEST in any case, which is 1.',
    file: 'native/wire/stats.cc',
    changes: [
      {
        line: 'RequestWriter encode_get_usage() { return RequestWriter(MESSAGE_GET_STATS, 0, FAMILY_UNSPECIFIED); }',
        becomes:
          'RequestWriter encode_get_usage() { return RequestWriter(MESSAGE_GET_STATS, 1, FAMILY_UNSPECIFIED); }',
      },
    ],
  },
  {
    reason: 'No two entries of a batch are the same one: RecentTuples drops repetitions.',
    file: 'native/os/entry_changer.cc',
    changes: [
      {
        line: 'return;',
        becomes: ';',
      },
    ],
  },
  {
    reason: 'How long a guard waits between two looks: a millisecond more breaks no promise.',
    file: 'native/os/event_reader.cc',
    changes: [
      {
        line: 'constexpr int guard_interval = 20; // milliseconds',
        becomes: 'constexpr int guard_interval = 21; // milliseconds',
      },
    ],
  },
];
