/* Start-up: the vector table, copying of initialised data, clearing of the rest. */

#include "board.h"

extern uint32_t _stack_end, _data_load, _data_start, _data_end, _bss_start, _bss_end;

int main( void );

void Reset_Handler( void )
{
	const uint32_t *from = &_data_load;
	for ( uint32_t *to = &_data_start; to < &_data_end; )
		*to++ = *from++;
	for ( uint32_t *to = &_bss_start; to < &_bss_end; )
		*to++ = 0;
	main();
	for ( ;; )
		Board_wait();
}

static void Fault_Handler( void )
{
	Board_bootloader();
}

typedef void (*Handler)( void );

/* The core's own sixteen vectors; no peripheral of any chip is used. */
__attribute__(( section( ".vectors" ), used ))
const Handler vectors[ 16 ] = {
	(Handler)&_stack_end,
	Reset_Handler,
	Fault_Handler, /* not maskable */
	Fault_Handler, /* hard fault */
	Fault_Handler, /* memory */
	Fault_Handler, /* bus */
	Fault_Handler, /* usage */
};

void Board_wait( void )
{
	for ( volatile uint32_t i = 0; i < 4096; i++ )
		;
}

void Board_bootloader( void )
{
	/* A system reset request in the core's control register; a bootloader then finds the request. */
	*(volatile uint32_t*)0xE000ED0C = 0x05FA0004;
	for ( ;; )
		;
}
