// Tells VS Code how to start the debug adapter of containers: femto debug --dap.
const vscode = require('vscode');

exports.activate = (context) => {
  context.subscriptions.push(vscode.debug.registerDebugAdapterDescriptorFactory('femto', {
    createDebugAdapterDescriptor(session) {
      const command = vscode.workspace.getConfiguration('femto').get('command', 'femto');
      const folder = session.workspaceFolder && session.workspaceFolder.uri.fsPath;
      return new vscode.DebugAdapterExecutable(command, ['debug', '--dap'], folder ? { cwd: folder } : {});
    },
  }));
};

exports.deactivate = () => {};
