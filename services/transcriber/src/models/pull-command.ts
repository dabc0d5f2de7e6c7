/** What a person runs to install a model where the service itself may not; one sentence for each kind of set-up. */
export function pullCommand(name: string): string {
  return `Run: npm run models -- pull ${name} (with compose: docker compose run --rm models pull ${name}).`;
}
