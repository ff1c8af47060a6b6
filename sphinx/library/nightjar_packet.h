/* Nightjar's packets for programs in C and in other languages: build a packet for a route, unwrap
 * one hop, make and use single-use reply blocks (SURBs). The format is that of
 * docs/packet-format.md; docs/library.md has examples.
 *
 * Errors: each function that can fail returns a nightjar_error. If it is not NIGHTJAR_OK, what the
 * function would have written is unchanged, unless the function says otherwise. No exception leaves
 * the library, and it never writes to a terminal or file.
 *
 * Memory: the caller owns all buffers. A buffer with a fixed size in a declaration must have that
 * size. Inputs must not overlap outputs. Handles (nightjar_key, nightjar_surb, nightjar_recovery)
 * hold secrets: they are wiped when they are freed. Each is freed once, by its own function, which
 * takes NULL as well.
 *
 * Threads: every function may run on any thread at any time. A nightjar_key and a nightjar_recovery
 * do not change: threads may share them. Only one thread at a time may use a nightjar_surb. No
 * thread may use a handle while or after another thread frees it.
 *
 * Random numbers come from the kernel. The process ends if the kernel has no generator.
 */
#ifndef NIGHTJAR_PACKET_H
#define NIGHTJAR_PACKET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* The number in the library's name. It changes when programs must be compiled again. */
#define NIGHTJAR_INTERFACE 0

/* Sizes in bytes (docs/packet-format.md section 1). */
#define NIGHTJAR_MAX_HOPS 5
#define NIGHTJAR_KEY_SIZE 32     /* an X25519 secret or public key */
#define NIGHTJAR_ADDRESS_SIZE 32 /* a relay's address: its identity key */
#define NIGHTJAR_DESTINATION_SIZE 32
#define NIGHTJAR_IDENTIFIER_SIZE 16
#define NIGHTJAR_TAG_SIZE 32
#define NIGHTJAR_FINAL_PADDING_SIZE 248
#define NIGHTJAR_HEADER_SIZE 348
#define NIGHTJAR_PAYLOAD_OVERHEAD 17 /* a payload is so much longer than its longest message */
#define NIGHTJAR_PAYLOAD_SIZE_MIN 33
/* The largest payload that the library builds. The format has no bound. */
#define NIGHTJAR_PAYLOAD_SIZE_MAX 1048576
#define NIGHTJAR_SURB_SIZE 396
#define NIGHTJAR_RECOVERY_SIZE_MAX 96 /* identifier, and a seed of 16 bytes for each hop */
/* What the network uses. The functions take other sizes, too. */
#define NIGHTJAR_MESSAGE_SIZE 2048
#define NIGHTJAR_PAYLOAD_SIZE 2065
#define NIGHTJAR_PACKET_SIZE 2413

typedef enum nightjar_error {
    NIGHTJAR_OK = 0,
    NIGHTJAR_BAD_LENGTH = 1,      /* wrong size of packet, SURB, message or payload */
    NIGHTJAR_LOW_ORDER = 2,       /* a multiplication resulted in 32 zeros */
    NIGHTJAR_MAC_MISMATCH = 3,    /* not a packet for this key, or changed on its way */
    NIGHTJAR_BAD_FLAG = 4,        /* the MAC matches, but the flag is neither 1 nor 2 */
    NIGHTJAR_BAD_VERSION = 5,     /* the version is neither 259 nor 260 */
    NIGHTJAR_BAD_PAYLOAD = 6,     /* no message in this payload, or changed on its way */
    NIGHTJAR_BAD_ROUTE = 7,       /* no hop, or more than five */
    NIGHTJAR_ZERO_IDENTIFIER = 8, /* a SURB's identifier must not be all zeros */
    NIGHTJAR_BAD_KEY = 9,         /* a relay's public key is not a point of the curve */
    NIGHTJAR_BAD_ALPHA = 10,      /* the packet's group element is in a form that no sender makes */
    NIGHTJAR_SURB_SPENT = 11,     /* the SURB was used before */
    NIGHTJAR_BAD_ARGUMENT = 100,  /* a pointer is NULL that must not be: a mistake of the caller */
    NIGHTJAR_SMALL_BUFFER = 101,  /* the caller's buffer is too small for the result */
    NIGHTJAR_NO_MEMORY = 102,
    NIGHTJAR_INTERNAL = 103 /* a fault of the library */
} nightjar_error;

/* The name of a nightjar_error in the check vectors, for example "mac_mismatch"; "unknown" for any
 * other number. Lives for ever, never NULL. */
const char* nightjar_error_name(int error);

/* NIGHTJAR_INTERFACE of the library that runs. */
uint32_t nightjar_interface(void);

/* ---- Keys ---- */

/* A relay's secret key, for unwrapping. */
typedef struct nightjar_key nightjar_key;

/* Draws a new key. */
nightjar_error nightjar_key_generate(nightjar_key** key);
/* Any 32 bytes are a secret key. The caller wipes its own copy. */
nightjar_error nightjar_key_from(const uint8_t secret[NIGHTJAR_KEY_SIZE], nightjar_key** key);
nightjar_error nightjar_key_secret(const nightjar_key* key, uint8_t secret[NIGHTJAR_KEY_SIZE]);
nightjar_error nightjar_key_public(const nightjar_key* key, uint8_t public_key[NIGHTJAR_KEY_SIZE]);
void nightjar_key_free(nightjar_key* key);

/* ---- Packets ---- */

typedef struct nightjar_hop {
    uint8_t address[NIGHTJAR_ADDRESS_SIZE];
    uint8_t key[NIGHTJAR_KEY_SIZE]; /* the relay's public key */
    uint64_t delay_ns; /* how long the relay holds the packet; unused for the last hop */
} nightjar_hop;

/* The random values of one header, for experiments and check vectors. Two packets with the same
 * values are linked with each other, and the values show the route to all who know them. */
typedef struct nightjar_randomness {
    uint8_t initial_secret[NIGHTJAR_KEY_SIZE];
    uint8_t final_padding[NIGHTJAR_FINAL_PADDING_SIZE];
} nightjar_randomness;

/* Builds a packet that fills `packet`: `packet_size` is the header's size and that of the payload.
 * The last hop reads destination, identifier and message. The packet does not contain the address
 * of the first hop: the caller sends it there. `message` may be NULL if its size is 0. If
 * `randomness` is NULL, the library draws it.
 * Errors: BAD_VERSION, BAD_ROUTE, BAD_LENGTH (also a message over packet_size - 365, or a payload
 * out of its bounds), LOW_ORDER, BAD_KEY. */
nightjar_error nightjar_packet_build(uint16_t version, const nightjar_hop* route, size_t hops,
                                     const uint8_t destination[NIGHTJAR_DESTINATION_SIZE],
                                     const uint8_t identifier[NIGHTJAR_IDENTIFIER_SIZE],
                                     const uint8_t* message, size_t message_size,
                                     const nightjar_randomness* randomness, uint8_t* packet,
                                     size_t packet_size);

/* One packet for nightjar_packet_build_many: what nightjar_packet_build takes. */
typedef struct nightjar_build_job {
    uint16_t version;
    const nightjar_hop* route;
    size_t hops;
    const uint8_t* destination; /* NIGHTJAR_DESTINATION_SIZE bytes */
    const uint8_t* identifier;  /* NIGHTJAR_IDENTIFIER_SIZE bytes */
    const uint8_t* message;
    size_t message_size;
    const nightjar_randomness* randomness;
    uint8_t* packet;      /* written if `error` is NIGHTJAR_OK */
    nightjar_error error; /* written: what nightjar_packet_build would return */
} nightjar_build_job;

/* Builds a packet of `packet_size` bytes for each job, as nightjar_packet_build does, in vector
 * lanes: eight packets in one call cost less than eight calls. Jobs may share inputs; no two may
 * share a `packet`. Each job has its own error; one that is refused changes nothing for the others.
 * `jobs` may be NULL if `count` is 0.
 * Errors of the call itself: BAD_ARGUMENT if a job has a NULL pointer that must not be NULL, and
 * NO_MEMORY. Then no job is changed. */
nightjar_error nightjar_packet_build_many(nightjar_build_job* jobs, size_t count,
                                          size_t packet_size);

/* What a hop reads. */
typedef struct nightjar_opened {
    uint8_t replay_tag[NIGHTJAR_TAG_SIZE];
    uint8_t is_final; /* 1: the packet ends here, and `packet` holds a zeroed header, then the
                         payload; 0: `packet` holds the packet for the next hop */
    uint8_t next[NIGHTJAR_ADDRESS_SIZE]; /* if not final; else zeros, as `delay_ns` */
    uint64_t delay_ns;                   /* any value: the caller must check its own bound */
    uint8_t destination[NIGHTJAR_DESTINATION_SIZE]; /* if final; else zeros, as `identifier` */
    uint8_t identifier[NIGHTJAR_IDENTIFIER_SIZE];
} nightjar_opened;

/* Unwraps one hop in place. `network_packet_size` is the size of all packets of the network, by
 * default NIGHTJAR_PACKET_SIZE: any other packet is BAD_LENGTH. The caller must refuse replays, by
 * `replay_tag`, before it acts on another field. If the packet is refused, its buffer is zeroed.
 * Errors: BAD_LENGTH, LOW_ORDER, BAD_ALPHA, MAC_MISMATCH, BAD_FLAG, BAD_VERSION. */
nightjar_error nightjar_packet_unwrap(const nightjar_key* key, uint8_t* packet, size_t packet_size,
                                      size_t network_packet_size, nightjar_opened* opened);

/* One packet for nightjar_packet_unwrap_many. */
typedef struct nightjar_unwrap_job {
    const nightjar_key* key;
    uint8_t* packet;
    size_t packet_size;
    nightjar_error error;   /* written: what nightjar_packet_unwrap would return */
    nightjar_opened opened; /* written if `error` is NIGHTJAR_OK */
} nightjar_unwrap_job;

/* Unwraps one hop of each packet, as nightjar_packet_unwrap does, in vector lanes: eight packets
 * in one call cost less than eight calls. No two jobs may share a buffer. Each job has its own
 * error; one that is refused changes nothing for the others. `jobs` may be NULL if `count` is 0.
 * Errors of the call itself: BAD_ARGUMENT if a pointer of any job is NULL, NO_MEMORY; then no job
 * is changed. */
nightjar_error nightjar_packet_unwrap_many(nightjar_unwrap_job* jobs, size_t count,
                                           size_t network_packet_size);

/* Finds the message in the payload of a forward packet at its last hop. `*message` then points into
 * `payload`. Errors: BAD_LENGTH, BAD_PAYLOAD. */
nightjar_error nightjar_message_read(const uint8_t* payload, size_t payload_size,
                                     const uint8_t** message, size_t* message_size);

/* ---- SURBs, version 260 ---- */

/* What the owner of a SURB keeps to read the reply. Free it after one use. */
typedef struct nightjar_recovery nightjar_recovery;

/* Makes a SURB. Errors: BAD_ROUTE, ZERO_IDENTIFIER, LOW_ORDER, BAD_KEY. */
nightjar_error nightjar_surb_make(const nightjar_hop* route, size_t hops,
                                  const uint8_t destination[NIGHTJAR_DESTINATION_SIZE],
                                  const uint8_t identifier[NIGHTJAR_IDENTIFIER_SIZE],
                                  const nightjar_randomness* randomness,
                                  uint8_t surb[NIGHTJAR_SURB_SIZE], nightjar_recovery** recovery);

/* A SURB that a replier holds. It can be used once: two packets with the same header are a replay,
 * and show the first hop that they belong together. */
typedef struct nightjar_surb nightjar_surb;

/* Errors: BAD_LENGTH. */
nightjar_error nightjar_surb_hold(const uint8_t* surb, size_t surb_size, nightjar_surb** held);
/* Writes the reply, which fills `packet`, and the address of the hop to send it to. Errors:
 * BAD_LENGTH (the SURB then stays unused), SURB_SPENT. */
nightjar_error nightjar_surb_use(nightjar_surb* held, const uint8_t* message, size_t message_size,
                                 uint8_t* packet, size_t packet_size,
                                 uint8_t first_hop[NIGHTJAR_ADDRESS_SIZE]);
void nightjar_surb_free(nightjar_surb* held);

/* Reads a reply's payload, as its last hop output it. `payload_size - NIGHTJAR_PAYLOAD_OVERHEAD`
 * bytes are enough for each message. Errors: BAD_LENGTH, BAD_PAYLOAD (also if the payload was
 * changed on its way), SMALL_BUFFER (`*message_size` is then what is needed). */
nightjar_error nightjar_recovery_read(const nightjar_recovery* recovery, const uint8_t* payload,
                                      size_t payload_size, uint8_t* message, size_t capacity,
                                      size_t* message_size);
/* Identifier, then the seeds in the order of the route: to keep a recovery in a file. These bytes
 * are secret. Errors: SMALL_BUFFER (`*size` is then what is needed). */
nightjar_error nightjar_recovery_save(const nightjar_recovery* recovery, uint8_t* bytes,
                                      size_t capacity, size_t* size);
/* Errors: BAD_LENGTH. */
nightjar_error nightjar_recovery_load(const uint8_t* bytes, size_t size,
                                      nightjar_recovery** recovery);
void nightjar_recovery_free(nightjar_recovery* recovery);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
