/* The reference firmware: a keyboard whose matrix is a piece of memory and whose host is another.
 *
 * It is for trying the way from a layout to a firmware, not for a real board. A debugger or an emulator
 * sets bits in `matrix` and reads `report`. */

#include "board.h"
#include "keymap_table.h"

/* Kept at the end of the vectors, where a tool finds it: which board and which half this is. */
__attribute__(( section( ".board" ), used ))
const char board[] = "kiisrv reference " BOARD;

volatile uint8_t matrix[ 256 / 8 ];
static uint8_t before[ 256 / 8 ];

int main( void )
{
	for ( ;; ) {
		for ( uint16_t code = 0; code <= Macro_lastScanCode(); code++ ) {
			uint8_t mask = 1 << ( code & 7 );
			uint8_t now = matrix[ code >> 3 ] & mask;
			uint8_t was = before[ code >> 3 ] & mask;
			if ( now )
				Macro_key( code, was ? 2 : 1 );
			else if ( was )
				Macro_key( code, 3 );
			before[ code >> 3 ] = ( before[ code >> 3 ] & ~mask ) | now;
		}
		Lights_step();
		Board_wait();
	}
}
