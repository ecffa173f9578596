/**
 * What users meet in bytes, entries or milliseconds, each number once. test/unit/limits.test.ts
 * compares the documents with it, and it with native/, which has its own.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  // Reading the table ------------------------------------------------------------------

  /** Of records: an entry that is kept keeps its slab. */
  slabBytes: 64 * KIB,
  slabsInBatch: 4,
  /** Batches that are filled while one is read. */
  batchesAhead: 2,
  /** What the kernel puts into one datagram of a dump at most (netlink_recvmsg). */
  datagramBytes: 32 * KIB,
  /** Datagrams of a large table that wait to be decoded. */
  datagramsAhead: 16,
  /** Among so many entries one that the kernel sends again is dropped. */
  recentEntries: 256,
  /** A job in the thread pool goes on for so long while others wait. */
  turnMs: 30,
  /** And for so long in the middle of a batch. */
  longestTurnMs: 45,
  /** Nothing came for so long: the job ends, and whoever waits begins another. */
  silenceMs: 50,

  // Filters -----------------------------------------------------------------------------

  /**
   * In one call. A function checks and compiles its filters before it returns: 1 to 3 us each, in
   * which the event loop waits. An entry that matches none is compared with each, if they are of
   * the kind that takes longest: 0.15 ms for so many.
   */
  filters: 20_000,

  // Requests ---------------------------------------------------------------------------

  /** The kernel has been silent for so long, in waits of `silenceMs`: ETIMEDOUT. */
  answerMs: 1000,
  /**
   * Requests of a handle in one job, as the addon takes them: some 300 that read or delete, 170
   * that create.
   */
  requestBytesInJob: 64 * KIB,
  /** Of a handle; ended ones whose answers JavaScript has not taken count. The rest waits. */
  requestJobsUnderWay: 64,
  /** Of those, what one system call sends: requests, of which a creation or an update is two. */
  requestsInSend: 128,
  /** Specifications and keys that createEntries() and getEntries() have under way at a time. */
  itemsUnderWay: 1024,
  slabsInPass: 4,
  /** Deletes that are sent at a time, where what was deleted is reported. */
  reportedDeletesInSend: 64,
  /** Of connlabel.conf. */
  labelFileBytes: 64 * KIB,

  // Timeouts ---------------------------------------------------------------------------

  /**
   * The kernel counts in ticks, of which a second has at most 1000, with 31 bits: beyond that an
   * entry or an expectation ends at once.
   */
  longestTimeoutSeconds: 2_147_483,

  // Text -------------------------------------------------------------------------------

  /** That parseEntries() takes: half of the longest string of V8, some 1.5 million lines. */
  textCharacters: 2 ** 28,
  /** A line of text or of JSON. The longest that the kernel can fill has some 8,000. */
  lineCharacters: 64 * KIB,
  /** Entries whose JSON is written to a stream at a time. */
  entriesInWrite: 256,
  /** Lines of entries that wait for their master to be restored. */
  waitingBytes: 16 * MIB,
  /** Of those lines that could not be restored, the first. */
  failuresKept: 100,

  // Events -----------------------------------------------------------------------------

  /** Default of `receiveBufferBytes`, as the kernel counts. */
  receiveBufferBytes: 64 * MIB,
  leastReceiveBufferBytes: 4 * KIB,
  /** Default of `queueBytes`. */
  queueBytes: 64 * MIB,
  leastQueueBytes: 64 * KIB,
  /** Of both. */
  mostBufferBytes: 2 ** 31 - 1,
  /** What an event takes in the receive buffer, as the kernel counts (Linux 6.18). */
  eventBytesInKernel: 1280,
  /** And in the queue: `EVENT.size`. */
  eventBytesInQueue: 216,
  eventSlabBytes: 32 * KIB,
  eventSlabsInBatch: 16,
  /** Datagrams that are received at a time, and the largest. */
  eventsInReceive: 64,
  eventDatagramBytes: 4 * KIB,
  /** Of `maxDelay`. */
  longestDelayMs: 60_000,
  /** `reliableDestroy` ends when so much of the table is full. */
  reliableDestroyPercent: 80,

  // Mirror -----------------------------------------------------------------------------

  /** Of a stream of changes, those that nobody has read. */
  changesWaiting: 65_536,
  /** Default of `recheckInterval`. */
  recheckMs: 30_000,
  leastRecheckMs: 100,
  /** Readings for silent flows take at most one part in so many of the time. */
  recheckShare: 50,
  /** Of the checks for silent flows, one in so many reads the whole table. */
  rechecksPerAudit: 20,
  /** Gets of doubtful flows that are under way at a time. */
  getsOfMirror: 512,
  /** Flows that a mirror looks at before the event loop turns: some milliseconds. */
  flowsInTurn: 100_000,

  // Flow log ---------------------------------------------------------------------------

  /** Of `interval`. */
  leastFlowIntervalMs: 1000,
  /** Between two readings for the ends that no event tells, where `interval` asks for none. */
  flowRecheckMs: 60_000,
  /** How long the name of a program that deletes flows is taken from the last look. */
  originKnownMs: 5000,
  /** Records that writeFlows() gives a writer at a time. */
  flowsInWrite: 8192,
  /** Default of `fileBytes`, after which a file of records is complete. */
  flowFileBytes: 64 * MIB,
  leastFlowFileBytes: 4 * KIB,
  /** Default of `fileTime`. */
  flowFileMs: 3_600_000,
  leastFlowFileMs: 1000,
  /** How often the owner of a lock touches it. */
  lockBeatMs: 2000,
  /** A lock that nobody has touched for so long has no owner any more. */
  lockSilenceMs: 10_000,
  /** How often that is looked at. */
  lockLookMs: 250,
  /** Default of `batchSize` of exportFlows(). */
  logsInBatch: 512,
  /** Default of `timeoutMs` of exportFlows(): that of OpenTelemetry's own processors. */
  exportTimeoutMs: 30_000,
  /** Records that a FlowStream has sent and that the server has not acknowledged. */
  acknowledgementsUnderWay: 512,
  /** No acknowledgement came for so long: ETIMEDOUT. */
  acknowledgedMs: 5000,

  // Flow log in SQLite -----------------------------------------------------------------

  /** How long a write waits for another process that writes; the event loop waits, too. */
  databaseBusyMs: 1000,
  /** The log of SQLite keeps so much of its file. */
  databaseLogBytes: 64 * MIB,
  /** Pages in that log from which on they go into the database: a page that many writes change goes once. */
  databaseLogPages: 8192,
  /** Pages of the database in memory. */
  databaseCacheBytes: 32 * MIB,
  /** Rows that a write deletes at most, besides as many as it writes. */
  flowsInDeletion: 1024,
  /** And pages that it gives back to the disk. */
  pagesInDeletion: 256,
  /** One part in so many of the file may be free; more is given back. */
  databaseFreeShare: 8,
  /** How often old rows are looked for where nothing is written, and how soon again if there were many. */
  databaseIdleMs: 60_000,
  databaseRestMs: 100,
  /** Rows that are read at a time. */
  flowsInPage: 1000,
  /** Default of `limit` of `topTalkers`, and the most. */
  talkers: 20,
  mostTalkers: 1_000_000,
  /** Of `keepFor`: an hour and a hundred years. */
  leastKeptMs: 3_600_000,
  longestKeptMs: 3_153_600_000_000,
  /** Of `keepBytes`. */
  leastDatabaseBytes: MIB,
  /** Of a path. */
  pathBytes: 4095,

  // Metrics ----------------------------------------------------------------------------

  /** Default of `limit` of a group of flows: the keys that have a sample. */
  keysInGroup: 50,

  // Health -----------------------------------------------------------------------------

  /** Default of `intervalMs`. */
  pressureIntervalMs: 1000,
  /** The longest timer of Node.js. */
  longestIntervalMs: 2 ** 31 - 1,
  /** diagnose() looks for so long, so that a counter that moves is seen to move. */
  shortestLookMs: 500,
} as const;
