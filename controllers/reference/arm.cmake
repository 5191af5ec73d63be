# The cross compiler, said outright: CMake's own detection compiles and looks at a dozen programs,
# which takes longer than the whole firmware.
set( CMAKE_SYSTEM_NAME Generic )
set( CMAKE_SYSTEM_PROCESSOR arm )
set( CMAKE_C_COMPILER arm-none-eabi-gcc )
set( CMAKE_C_COMPILER_ID GNU )
set( CMAKE_C_COMPILER_ID_RUN TRUE )
set( CMAKE_C_COMPILER_FORCED TRUE )
set( CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY )
