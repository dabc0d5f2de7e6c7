/** What a service ends with when its port is taken: EX_UNAVAILABLE of sysexits.h. */
export const EXIT_PORT_TAKEN = 69;

/** The port cannot be had. The message says which setting to change. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
  readonly code = 'port-taken';
  readonly exitCode = EXIT_PORT_TAKEN;
}

/** An error of `listen` in words; others come back as they are. */
export function listenError(error: unknown, host: string, port: number, setting: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new PortTakenError(
      `Port ${port} on ${host} is taken by another program. End that one, or set ${setting} to another port (0 takes a free one).`,
      { cause: error },
    );
  }
  if (code === 'EACCES') {
    return new PortTakenError(
      `Port ${port} on ${host} may not be used by this user. Set ${setting} to a port above 1023.`,
      { cause: error },
    );
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new PortTakenError(
      `${host} is no address of this machine. Set MEDIAJOB_HOST to one, or to 0.0.0.0 for all.`,
      { cause: error },
    );
  }
  return error;
}
