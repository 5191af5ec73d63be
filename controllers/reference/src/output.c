/* Capabilities that reach the host. There is no USB: the report in memory is all that is kept. */

#include <kll.h>

#include "board.h"

#define CAPABILITY( name ) \
	void name( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args ); \
	void name( TriggerMacro *trigger, uint8_t state, uint8_t stateType, uint8_t *args )
#define UNUSED (void)trigger; (void)state; (void)stateType; (void)args

volatile Report report;

CAPABILITY( Output_usbCodeSend_capability )
{
	UNUSED;
	uint8_t bit = 1 << ( args[0] & 7 );
	if ( state == ScheduleType_R )
		report.keys[ args[0] >> 3 ] &= ~bit;
	else
		report.keys[ args[0] >> 3 ] |= bit;
	report.changes++;
}

CAPABILITY( Output_usbCodeRelease_capability )
{
	UNUSED;
	report.keys[ args[0] >> 3 ] &= ~( 1 << ( args[0] & 7 ) );
	report.changes++;
}

CAPABILITY( Output_consCtrlSend_capability )
{
	UNUSED;
	report.consumer = state == ScheduleType_R ? 0 : args[0] | args[1] << 8;
	report.changes++;
}

CAPABILITY( Output_sysCtrlSend_capability )
{
	UNUSED;
	report.system = state == ScheduleType_R ? 0 : args[0];
	report.changes++;
}

CAPABILITY( Output_noneSend_capability ) { UNUSED; }
CAPABILITY( Output_kbdProtocolBoot_capability ) { UNUSED; report.nkro = 0; }
CAPABILITY( Output_kbdProtocolNKRO_capability ) { UNUSED; report.nkro = 1; }
CAPABILITY( Output_toggleKbdProtocol_capability ) { UNUSED; if ( state == ScheduleType_P ) report.nkro ^= 1; }
CAPABILITY( Output_usbMouse_capability ) { UNUSED; report.changes++; }
CAPABILITY( Output_usbMouseWheel_capability ) { UNUSED; report.changes++; }

/* As on the boards themselves, the key works only where the layout switches it on. */
CAPABILITY( Output_flashMode_capability )
{
	UNUSED;
#if flashModeEnabled_define == 1
	Board_bootloader();
#endif
}

/* What a board has that this one has not: accepted in a layout, and without effect. */
CAPABILITY( Storage_StorageControl_capability ) { UNUSED; }
CAPABILITY( LCD_layerStack_capability ) { UNUSED; }
CAPABILITY( LCD_layerStackExact_capability ) { UNUSED; }
CAPABILITY( Port_cross_capability ) { UNUSED; }
CAPABILITY( Port_uart_capability ) { UNUSED; }
CAPABILITY( Port_usb_capability ) { UNUSED; }
CAPABILITY( HIDIO_Unicode_String_capability ) { UNUSED; }
CAPABILITY( HIDIO_Unicode_state_capability ) { UNUSED; }
CAPABILITY( HIDIO_Open_url_capability ) { UNUSED; }
