-- For Neovim with nvim-dap; read if the option 'exrc' is set. What else can be
-- said in a configuration: docs/debugging.md in femto's repository.
local found, dap = pcall(require, 'dap')
if not found then
  return
end
dap.adapters.femto = { type = 'executable', command = 'femto', args = { 'debug', '--dap' } }
for _, filetype in ipairs({ 'c', 'go', 'asm' }) do
  dap.configurations[filetype] = {
    {
      type = 'femto',
      request = 'launch',
      name = 'Debug this container',
      project = vim.fn.getcwd(),
      stopOnEntry = true,
      stopOnEnd = true,
    },
  }
end
