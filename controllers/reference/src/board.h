/* What the parts of the firmware know of each other. */
#pragma once

#include <stdint.h>

/* macro.c: tells the key map that a key went down (1), is held (2) or came up (3). */
void Macro_key( uint8_t scanCode, uint8_t state );
uint16_t Macro_lastScanCode( void );

/* lights.c */
void Lights_step( void );

/* start.c: a tick of the scan loop, and the way into the bootloader. */
void Board_wait( void );
void Board_bootloader( void );

/* main.c: what would be sent to the host. */
typedef struct Report {
	uint8_t keys[ 32 ]; /* one bit for each USB code */
	uint16_t consumer;
	uint8_t system;
	uint8_t nkro;
	uint32_t changes;
} Report;
extern volatile Report report;
