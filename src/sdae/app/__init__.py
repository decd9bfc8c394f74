"""What people see and run: the command line, runs, recipes, reports, studies, plots, exports."""
