/** What the modules of main share, provided by the root module. */
export const VOLUME = Symbol('VOLUME');
/** WorkerCalls to the converters. */
export const CONVERTERS = Symbol('CONVERTERS');
/** WorkerCalls to the transcribers. */
export const TRANSCRIBERS = Symbol('TRANSCRIBERS');
