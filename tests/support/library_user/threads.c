/* Uses an installed libnightjar-packet as a C11 program does (tests/system/library_test.py):
 * threads share a relay's key and a SURB's recovery, and each builds, unwraps and answers by
 * itself. */
#include <nightjar_packet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { threads = 4, rounds = 20, hops = 3 };

static nightjar_key* keys[hops];
static nightjar_hop route[hops];
static uint8_t surb[NIGHTJAR_SURB_SIZE];
static nightjar_recovery* recovery;

/* Returns 1 if all went well. */
static int carry(uint8_t packet[NIGHTJAR_PACKET_SIZE]) {
    for (int i = 0; i < hops; ++i) {
        nightjar_opened opened;
        if (nightjar_packet_unwrap(keys[i], packet, NIGHTJAR_PACKET_SIZE, NIGHTJAR_PACKET_SIZE,
                                   &opened) != NIGHTJAR_OK ||
            opened.is_final != (i == hops - 1))
            return 0;
    }
    return 1;
}

static int one_round(const uint8_t* text, size_t size) {
    const uint8_t destination[NIGHTJAR_DESTINATION_SIZE] = {1};
    const uint8_t identifier[NIGHTJAR_IDENTIFIER_SIZE] = {2};
    uint8_t packet[NIGHTJAR_PACKET_SIZE], first[NIGHTJAR_ADDRESS_SIZE],
        answer[NIGHTJAR_MESSAGE_SIZE];
    const uint8_t* message;
    size_t message_size, answer_size;
    if (nightjar_packet_build(260, route, hops, destination, identifier, text, size, NULL, packet,
                              sizeof packet) != NIGHTJAR_OK ||
        !carry(packet) ||
        nightjar_message_read(packet + NIGHTJAR_HEADER_SIZE, NIGHTJAR_PAYLOAD_SIZE, &message,
                              &message_size) != NIGHTJAR_OK ||
        message_size != size || memcmp(message, text, size) != 0)
        return 0;
    nightjar_surb* held;
    if (nightjar_surb_hold(surb, sizeof surb, &held) != NIGHTJAR_OK) return 0;
    const int done =
        nightjar_surb_use(held, text, size, packet, sizeof packet, first) == NIGHTJAR_OK &&
        carry(packet) &&
        nightjar_recovery_read(recovery, packet + NIGHTJAR_HEADER_SIZE, NIGHTJAR_PAYLOAD_SIZE,
                               answer, sizeof answer, &answer_size) == NIGHTJAR_OK &&
        answer_size == size && memcmp(answer, text, size) == 0;
    nightjar_surb_free(held);
    return done;
}

static void* work(void* argument) {
    int* done = argument;
    for (int i = 0; i < rounds; ++i) {
        char text[32];
        const int size = snprintf(text, sizeof text, "round %d of %p", i, argument);
        *done += one_round((const uint8_t*)text, (size_t)size);
    }
    return NULL;
}

int main(void) {
    const uint8_t destination[NIGHTJAR_DESTINATION_SIZE] = {1};
    const uint8_t identifier[NIGHTJAR_IDENTIFIER_SIZE] = {2};
    pthread_t running[threads];
    int done[threads] = {0}, sum = 0;
    if (nightjar_interface() != NIGHTJAR_INTERFACE) return 1;
    for (int i = 0; i < hops; ++i) {
        if (nightjar_key_generate(&keys[i]) != NIGHTJAR_OK ||
            nightjar_key_public(keys[i], route[i].key) != NIGHTJAR_OK)
            return 1;
        route[i].address[0] = (uint8_t)(i + 1);
    }
    if (nightjar_surb_make(route, hops, destination, identifier, NULL, surb, &recovery) !=
        NIGHTJAR_OK)
        return 1;
    for (int i = 0; i < threads; ++i)
        if (pthread_create(&running[i], NULL, work, &done[i]) != 0) return 1;
    for (int i = 0; i < threads; ++i) {
        pthread_join(running[i], NULL);
        sum += done[i];
    }
    for (int i = 0; i < hops; ++i)
        nightjar_key_free(keys[i]);
    nightjar_recovery_free(recovery);
    printf("%d of %d rounds\n", sum, threads * rounds);
    return sum == threads * rounds ? 0 : 1;
}
