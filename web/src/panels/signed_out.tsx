/** Shown when the server does not know this browser. */
export function SignedOut() {
  return (
    <main class="signed-out">
      <h1>granum</h1>
      <p>This browser is not signed in, or granum was started anew.</p>
      <p>Open the link that granum app printed in the terminal. What was saved is all there.</p>
    </main>
  );
}
