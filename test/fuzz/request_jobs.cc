// Any bytes as the requests of JavaScript. RequestJob refuses all of them, or sends or refuses
// each. A message means no more than its request: only a flush sends a flush, no message is a dump,
// and a message that changes or deletes one thing names all of it.
#include <memory>

#include "input.h"
#include "kernel_socket.h"
#include "message_builder.h"
#include "near_requests.h"
#include "os/request_job.h"
#include "reference.h"
#include "require.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

// A message that was sent, with its attributes.
struct Sent {
  Sent(const Message& message, Reading& reading)
      : message(message), all({message.payload.data + 4, message.payload.size - 4}, reading) {}

  bool has(uint32_t type) const { return all.last(type) != nullptr; }

  Message message;
  Attributes all;
};

// A kernel without entries: it answers questions with ENOENT, and grants or refuses all commands.
class NothingThere {
 public:
  NothingThere() {
    REQUIRE(!socket.open());
    kernel = all.accept();
  }

  void run(RequestJob& job, bool grants) {
    grants_ = grants;
    arm();
    while (!job.run(socket, *memory)) {
    }
    answer();
  }

  std::vector<Buffer> datagrams;
  Kernel all;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> kernel;
  std::unique_ptr<RequestMemory> memory = std::make_unique<RequestMemory>();

 private:
  // Before each reception the kernel answers the requests that it has.
  void arm() {
    all.before("recvmmsg", [this] {
      answer();
      arm();
    });
  }

  void answer() {
    Buffer sent;
    while (kernel->next_sent(sent)) {
      bool malformed = false;
      const auto requests = reference_messages({sent.data(), sent.size()}, malformed);
      // The job would wait for the answer to a last one that silence answers.
      const Message& last = requests.back();
      REQUIRE((last.flags & NLM_F_ACK) != 0 || is_question(last.type));
      for (const Message& request : requests) {
        if ((request.flags & NLM_F_ACK) != 0) {
          refuse(request, grants_ ? 0 : ENOENT);
        } else if (is_question(request.type)) {
          refuse(request, ENOENT);
        } else if (!grants_) {
          refuse(request, ENOENT);
        }
      }
      REQUIRE(!malformed);
      datagrams.push_back(sent);
    }
  }

  // The kernel answers it whether or not it asks for an ack.
  static bool is_question(uint16_t type) {
    return type != MESSAGE_NEW && type != MESSAGE_DELETE && type != MESSAGE_TIMEOUT_NEW &&
           type != MESSAGE_TIMEOUT_DEFAULT_SET;
  }

  void refuse(const Message& request, int error) {
    Buffer bytes = message(NLMSG_ERROR, 0, join({host(int32_t{-error}), Buffer(16)}));
    const uint32_t port_id = KernelSocket::receiver;
    memcpy(bytes.data() + 8, &request.sequence, sizeof request.sequence);
    memcpy(bytes.data() + 12, &port_id, sizeof port_id);
    kernel->send({bytes});
  }

  bool grants_ = false;
};

// The requests in `bytes`, by the rules of request_record.h; none when a length lies.
bool split(Bytes bytes, std::vector<Bytes>& requests) {
  while (bytes.size > 0) {
    RequestHeader header;
    if (bytes.size < sizeof header) return false;
    memcpy(&header, bytes.data, sizeof header);
    if (header.size < 16 || header.size % 8 != 0 || header.size > bytes.size) return false;
    requests.push_back({bytes.data, header.size});
    bytes = {bytes.data + header.size, bytes.size - header.size};
  }
  return true;
}

RequestHeader header_of(Bytes request) {
  RequestHeader header;
  memcpy(&header, request.data, sizeof header);
  return header;
}

template <typename Record>
Record record_of(Bytes request, size_t at = sizeof(RequestHeader)) {
  Record record;
  REQUIRE(at <= request.size && sizeof record <= request.size - at);
  memcpy(static_cast<void*>(&record), request.data + at, sizeof record);
  return record;
}

// The strings of an extension must be in the request: else nothing is sent.
template <typename Extension>
void require_strings(Bytes request, size_t place, uint16_t Extension::*first,
                     uint16_t Extension::*second) {
  const size_t at = place * 8;
  const auto extension = record_of<Extension>(request, at);
  const size_t strings = size_t{extension.*first} + extension.*second;
  REQUIRE(at + sizeof extension + strings <= request.size);
}
void require_extension(Bytes request, const EntryRecord& entry) {
  if (entry.extension_present == 0) return;
  require_strings(request, entry.extension, &ExtensionRecord::helper_length,
                  &ExtensionRecord::security_context_length);
}
void require_extension(Bytes request, const ExpectationRecord& expectation) {
  if ((expectation.present & EXPECTATION_IN_EXTENSION) == 0) return;
  require_strings(request, expectation.extension, &ExpectationExtensionRecord::helper_length,
                  &ExpectationExtensionRecord::function_length);
}

// The type and flags of the message that a request of this kind sends, and the type of the question
// behind a write.
struct Meaning {
  uint16_t kind;
  uint16_t type;
  uint16_t flags;
  uint16_t question;
};
constexpr uint16_t created = NLM_F_CREATE | NLM_F_EXCL;
constexpr Meaning meanings[] = {
    {REQUEST_GET, MESSAGE_GET, 0, 0},
    {REQUEST_GET_ZERO, MESSAGE_GET_CTRZERO, 0, 0},
    {REQUEST_USAGE, MESSAGE_GET_STATS, 0, 0},
    {REQUEST_CREATE, MESSAGE_NEW, created, MESSAGE_GET},
    {REQUEST_UPDATE, MESSAGE_NEW, 0, MESSAGE_GET},
    {REQUEST_DELETE, MESSAGE_DELETE, 0, 0},
    {REQUEST_FLUSH, MESSAGE_DELETE, NLM_F_ACK, 0},
    {REQUEST_GET_EXPECTATION, MESSAGE_EXPECTATION_GET, 0, 0},
    {REQUEST_CREATE_EXPECTATION, MESSAGE_EXPECTATION_NEW, created | NLM_F_ACK, 0},
    {REQUEST_UPDATE_EXPECTATION, MESSAGE_EXPECTATION_NEW, NLM_F_ACK, 0},
    {REQUEST_DELETE_EXPECTATION, MESSAGE_EXPECTATION_DELETE, NLM_F_ACK, 0},
    {REQUEST_FLUSH_EXPECTATIONS, MESSAGE_EXPECTATION_DELETE, NLM_F_ACK, 0},
    {REQUEST_FLUSH_EXPECTATIONS_OF, MESSAGE_EXPECTATION_DELETE, NLM_F_ACK, 0},
    {REQUEST_GET_TIMEOUTS, MESSAGE_TIMEOUT_GET, 0, 0},
    {REQUEST_CREATE_TIMEOUTS, MESSAGE_TIMEOUT_NEW, created, MESSAGE_TIMEOUT_GET},
    {REQUEST_REPLACE_TIMEOUTS, MESSAGE_TIMEOUT_NEW, NLM_F_REPLACE, MESSAGE_TIMEOUT_GET},
    {REQUEST_DELETE_TIMEOUTS, MESSAGE_TIMEOUT_DELETE, NLM_F_ACK, 0},
    {REQUEST_GET_DEFAULT_TIMEOUTS, MESSAGE_TIMEOUT_DEFAULT_GET, 0, 0},
    {REQUEST_SET_DEFAULT_TIMEOUTS, MESSAGE_TIMEOUT_DEFAULT_SET, 0, MESSAGE_TIMEOUT_DEFAULT_GET},
};

// The tuple that was sent is that of the request, as far as requests carry tuples.
void require_tuple(const Sent& sent, uint32_t type, const TupleRecord& tuple) {
  REQUIRE(sent.has(type));
  Reading reading;
  const TupleRecord read = reference_tuple(*sent.all.last(type), reading);
  REQUIRE(reading.ok && reading.unknown == 0);
  const size_t size = read.family == FAMILY_IPV4 ? 4 : 16;
  REQUIRE(memcmp(read.source, tuple.source, size) == 0);
  REQUIRE(memcmp(read.destination, tuple.destination, size) == 0);
  REQUIRE(read.protocol == tuple.protocol);
}

void require_name(const Sent& sent, uint32_t type) {
  REQUIRE(sent.has(type));
  const Bytes name = *sent.all.last(type);
  REQUIRE(name.size > 1 && name.data[0] != 0 && name.data[name.size - 1] == 0);
}

// The message names the thing that the request names.
void require_named(Bytes request, const Sent& sent) {
  const RequestHeader header = header_of(request);
  const auto whole = [&](uint8_t family) { return family == FAMILY_IPV4 || family == FAMILY_IPV6; };
  switch (header.kind) {
    case REQUEST_DELETE: {
      const auto entry = record_of<EntryRecord>(request);
      constexpr uint32_t needed = ENTRY_ORIGINAL | ENTRY_ID;
      REQUIRE((entry.present & needed) == needed && whole(entry.original.family));
      require_extension(request, entry);
      REQUIRE(sent.all.number<uint32_t>(*sent.all.last(CTA_ID)) == entry.id);
      REQUIRE(sent.message.payload.data[0] == entry.original.family);
      return require_tuple(sent, CTA_TUPLE_ORIG, entry.original);
    }
    case REQUEST_CREATE: {
      const auto spec = record_of<SpecRecord>(request);
      REQUIRE((spec.entry.present & ENTRY_ORIGINAL) != 0 && whole(spec.entry.original.family));
      require_extension(request, spec.entry);
      return require_tuple(sent, CTA_TUPLE_ORIG, spec.entry.original);
    }
    case REQUEST_UPDATE: {
      const auto entry = record_of<EntryRecord>(request, header.entry);
      REQUIRE((entry.present & ENTRY_ORIGINAL) != 0 && whole(entry.original.family));
      require_extension(request, record_of<SpecRecord>(request).entry);
      return require_tuple(sent, CTA_TUPLE_ORIG, entry.original);
    }
    case REQUEST_GET:
    case REQUEST_GET_ZERO: {
      const auto entry = record_of<EntryRecord>(request);
      const bool original = (entry.present & ENTRY_ORIGINAL) != 0;
      require_extension(request, entry);
      return require_tuple(sent, original ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY,
                           original ? entry.original : entry.reply);
    }
    case REQUEST_GET_EXPECTATION:
    case REQUEST_CREATE_EXPECTATION:
    case REQUEST_UPDATE_EXPECTATION:
    case REQUEST_DELETE_EXPECTATION: {
      const auto expectation = record_of<ExpectationRecord>(request);
      REQUIRE((expectation.present & EXPECTATION_TUPLE) != 0 && whole(expectation.tuple.family));
      require_extension(request, expectation);
      return require_tuple(sent, CTA_EXPECT_TUPLE, expectation.tuple);
    }
    case REQUEST_FLUSH:
      REQUIRE(sent.all.all().empty());
      REQUIRE(sent.message.payload.data[0] == static_cast<uint8_t>(header.family));
      return;
    case REQUEST_FLUSH_EXPECTATIONS:
      return REQUIRE(sent.all.all().empty());
    case REQUEST_FLUSH_EXPECTATIONS_OF:
      require_extension(request, record_of<ExpectationRecord>(request));
      return require_name(sent, CTA_EXPECT_HELP_NAME);
    case REQUEST_GET_TIMEOUTS:
    case REQUEST_CREATE_TIMEOUTS:
    case REQUEST_REPLACE_TIMEOUTS:
    case REQUEST_DELETE_TIMEOUTS:
      return require_name(sent, CTA_TIMEOUT_NAME);
    default:
      return;
  }
}

// The messages of all datagrams, in the order in which they were sent.
std::vector<Sent> read_sent(const std::vector<Buffer>& datagrams) {
  std::vector<Sent> all;
  for (const Buffer& datagram : datagrams) {
    bool malformed = false;
    const auto messages = reference_messages({datagram.data(), datagram.size()}, malformed);
    REQUIRE(!malformed && messages.size() <= RequestBatch::capacity);
    for (const Message& message : messages) {
      REQUIRE(message.payload.size >= 4);
      Reading reading;
      all.emplace_back(message, reading);
      REQUIRE(reading.ok);
    }
  }
  return all;
}

bool is_refused(const RequestJob::Result& result) {
  return result.failure.error == EMSGSIZE && result.failure.syscall != nullptr;
}

void require_sent(const std::vector<Bytes>& requests, const RequestJob& job,
                  const std::vector<Sent>& sent, bool grants) {
  size_t at = 0;
  for (size_t i = 0; i < requests.size(); i++) {
    const RequestJob::Result& result = job.result(i);
    const uint16_t kind = header_of(requests[i]).kind;
    const Meaning* meaning = nullptr;
    for (const Meaning& one : meanings) {
      if (one.kind == kind) meaning = &one;
    }
    if (is_refused(result)) {
      REQUIRE(result.answer.present == 0 && !result.failure.unanswered);
      continue;
    }
    REQUIRE(meaning && at < sent.size());
    const Sent& one = sent[at++];
    // The last of a datagram may be asked for an answer besides.
    const uint16_t flags = one.message.flags & ~(NLM_F_REQUEST | NLM_F_ACK);
    REQUIRE(one.message.type == meaning->type && flags == (meaning->flags & ~NLM_F_ACK));
    REQUIRE((one.message.flags & meaning->flags) == meaning->flags);
    REQUIRE((one.message.flags & NLM_F_REQUEST) != 0);
    require_named(requests[i], one);
    // The kernel's silence is the success of a delete.
    const bool is_command = (meaning->flags & NLM_F_ACK) != 0 || kind == REQUEST_DELETE;
    if (meaning->question != 0) {
      REQUIRE(at < sent.size());
      const Sent& question = sent[at++];
      REQUIRE(question.message.type == meaning->question);
      REQUIRE((question.message.flags & ~NLM_F_ACK) == NLM_F_REQUEST);
      REQUIRE(question.message.sequence == one.message.sequence + 1);
    }
    const bool done = grants && (is_command || meaning->question != 0);
    REQUIRE(((result.answer.present & ANSWER_DONE) != 0) == done);
    REQUIRE(result.failure.error == (done && is_command ? 0 : ENOENT));
  }
  REQUIRE(at == sent.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const bool grants = input.coin();
  Buffer built;
  if (input.coin()) {
    // A few more than a batch holds.
    for (int left = 140; left > 0 && !input.empty(); left--) {
      built = join({built, near_request(input)});
    }
  } else {
    const Bytes rest = input.rest();
    built.assign(rest.data, rest.data + rest.size);
  }
  const Exact exact(built);
  const Bytes bytes = exact.bytes();
  std::vector<Bytes> requests;
  RequestJob job;
  const int error = job.take(bytes);
  REQUIRE(error == (split(bytes, requests) ? 0 : EINVAL));
  if (error != 0) return 0;
  REQUIRE(job.count() == requests.size());
  NothingThere there;
  there.run(job, grants);
  require_sent(requests, job, read_sent(there.datagrams), grants);
  there.socket.close();
  return 0;
}
