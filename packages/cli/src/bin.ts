#!/usr/bin/env node
/**
 * `lms-bridge`: the file that is built into the executable.
 */
// oxlint-disable-next-line import/no-unassigned-import -- it is the program
import "./main.ts"
