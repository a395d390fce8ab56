#!/usr/bin/env node
/**
 * `lms-bridge`: the entry point of the executable.
 */
// oxlint-disable-next-line import/no-unassigned-import -- it is the program
import "./main.ts"
