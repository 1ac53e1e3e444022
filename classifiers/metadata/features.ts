/**
 * Static features of a portable executable, read from what the agent parsed out of it.
 *
 * The fields of `firebreak.pe.header` that this classifier understands are `PE_HEADER_FIELDS`. An agent fills what it
 * can parse and leaves the rest out: an absent field is missing, never zero. Values are non-negative integers; one
 * that does not fit a safe integer (a hostile 64-bit `image_base` or heap reserve) is left out.
 */

/**
 * Names under `firebreak.pe.header`, each a non-negative integer.
 *
 * - File header and optional header: the field of the PE format in snake case.
 * - `directory_*_size`: the `Size` of the data directory of that name, 0 when the directory is empty.
 * - `import_libraries`, `import_functions`, `export_functions`: counted over the import and export tables (by name or
 *   by ordinal, delay imports not counted). `resource_entries`: entries of the root resource directory.
 * - `entry_point_section`: zero-based index of the section whose virtual range holds the entry point; left out when
 *   no section holds it or the entry point is 0.
 * - `writable_executable_sections`: sections with both the write and the execute flag.
 * - `rich_header`: 1 when the linker's "Rich" mark stands between DOS and PE header, else 0.
 */
export const PE_HEADER_FIELDS = [
  'machine',
  'number_of_sections',
  'number_of_symbols',
  'pointer_to_symbol_table',
  'size_of_optional_header',
  'characteristics',
  'magic',
  'size_of_code',
  'size_of_initialized_data',
  'size_of_uninitialized_data',
  'address_of_entry_point',
  'base_of_code',
  'image_base',
  'section_alignment',
  'file_alignment',
  'size_of_image',
  'size_of_headers',
  'checksum',
  'subsystem',
  'dll_characteristics',
  'size_of_stack_reserve',
  'size_of_stack_commit',
  'size_of_heap_reserve',
  'size_of_heap_commit',
  'loader_flags',
  'number_of_rva_and_sizes',
  'directory_export_size',
  'directory_import_size',
  'directory_resource_size',
  'directory_exception_size',
  'directory_security_size',
  'directory_base_relocation_size',
  'directory_debug_size',
  'directory_tls_size',
  'directory_load_config_size',
  'directory_iat_size',
  'directory_delay_import_size',
  'directory_com_descriptor_size',
  'import_libraries',
  'import_functions',
  'export_functions',
  'resource_entries',
  'entry_point_section',
  'writable_executable_sections',
  'rich_header',
] as const;

export type PeHeaderField = (typeof PE_HEADER_FIELDS)[number];
