#!/usr/bin/env node
/**
 * `lms-bridge`. The version is answered before anything else is loaded.
 */
import { version } from "./version.ts"

if (process.argv.length === 3 && process.argv[2] === "--version") process.stdout.write(`${version}\n`)
else void import("./main.ts")
