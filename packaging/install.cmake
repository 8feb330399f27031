# Run by `cmake --install` and by CPack. Below /usr the configuration is in /etc and the unit in /lib, as Debian has them;
# below any other prefix everything stays under it.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(etc /etc)
  set(units /lib/systemd/system)
else()
  set(etc ${CMAKE_INSTALL_PREFIX}/etc)
  set(units ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endif()
set(bindir ${CMAKE_INSTALL_PREFIX}/bin)
set(share ${CMAKE_INSTALL_PREFIX}/share)
set(made ${leat_build}/install)

configure_file(${leat_source}/packaging/leat.service ${made}/leat.service @ONLY)
file(INSTALL ${made}/leat.service DESTINATION ${units})
file(INSTALL ${leat_source}/packaging/leat.toml DESTINATION ${etc}/leat)
file(INSTALL ${leat_source}/packaging/copyright ${leat_source}/README.md ${leat_source}/docs/configuration.md ${leat_source}/docs/security.md
     DESTINATION ${share}/doc/leat)

# The program prints its own shell completions.
foreach(shell bash zsh fish)
  execute_process(COMMAND ${leat_program} completion ${shell} OUTPUT_FILE ${made}/completion.${shell}
                  RESULT_VARIABLE failed ERROR_VARIABLE why)
  if(failed)
    message(FATAL_ERROR "leat completion ${shell} failed: ${why}")
  endif()
endforeach()
file(INSTALL ${made}/completion.bash DESTINATION ${share}/bash-completion/completions RENAME leat)
file(INSTALL ${made}/completion.zsh DESTINATION ${share}/zsh/vendor-completions RENAME _leat)
file(INSTALL ${made}/completion.fish DESTINATION ${share}/fish/vendor_completions.d RENAME leat.fish)
